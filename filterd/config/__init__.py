"""The configuration of one filterd: what may be written in `config.yaml` and what it means.

`load.py` reads a file whole or refuses it with every problem at once; `schema.py` is the tree of
keys; `school.py` turns it into the policy values of `filterd.model`. Nothing here does I/O beside
reading the file it is given.
"""
