"""Filtering of HTTP and HTTPS, in a process and an environment of its own.

Only the package `addon` may know mitmproxy; all else is plain values and functions.
"""
