"""The composition root: from a configuration to a running node. Kept small; decides nothing."""
