"""What the HTTP filter costs beside mitmproxy without it, and beside squid."""
