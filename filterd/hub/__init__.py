"""The ministry's side: takes orders, publishes the feed, takes receipts and reports, supervises."""
