"""The core's typed face: queries that need more than the core, and what the core says happened."""
