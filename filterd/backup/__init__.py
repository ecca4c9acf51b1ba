"""A copy of what a node cannot get again: configuration, keys, the school's own decisions."""
