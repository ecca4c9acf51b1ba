"""What rules, groups, ages and schedules mean, compiled into tables for the core.

`precedence.py` is the list of who wins; `plan.py` writes it out per group and moment;
`lists_index.py` and `own_index.py` fill the indexes that a plan speaks about.
"""
