"""filterd: a DNS and HTTP filter for schools and internet providers."""

__version__ = "0.1.0"
