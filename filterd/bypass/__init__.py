"""Signs that somebody tries to go round the filter: counts by group and hour, never by person."""
