"""Measures what filterd costs and prints a table: `make bench`. Nothing here is a test."""
