"""Filtering of HTTP and HTTPS, in a process and an environment of its own.

Only `addon.py` and `worker.py` may know mitmproxy; all else is plain values and functions.
"""
