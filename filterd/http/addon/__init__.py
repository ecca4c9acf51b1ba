"""The add-ons, and mitmproxy with them: the only modules that import it.

`connections` decides connections, `requests` requests and answers, `stream` is mitmproxy's own
class with what its hooks cannot do, `proxy` is all of it, listening.
"""
