"""The ministry's loop, measured: `python -m bench.feed.<part>` prints JSON."""
