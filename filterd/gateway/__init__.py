"""The firewall of a gateway: what the configuration asks of nftables, and nftables asked for it."""
