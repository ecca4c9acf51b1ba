"""The page instead of a page: facts in, bytes out.

Pure but for reading the words once (`Words.load`) and for `cases.py`, which keeps appeals. It needs
the standard library only, since it runs in the environment of the HTTP filter.
"""
