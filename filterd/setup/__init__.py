"""Setting up a box: answers in, files out. Pure but for `writing.py`."""
