"""What happened: events pass the privacy step, are buffered, written down, and read again."""
