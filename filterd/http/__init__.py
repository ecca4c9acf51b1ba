"""HTTP and HTTPS filtering: the workers' side. Standard library and core only; mitmproxy is
imported by the worker and its addon alone.
"""
