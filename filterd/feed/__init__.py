"""The ministry's feed: authorities, orders, the signed log, and what a node makes of them."""
