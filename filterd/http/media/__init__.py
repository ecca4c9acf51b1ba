"""Known pictures, by their hashes only: sets of hashes, the scanner, the record of a hit.

No byte of what is scanned is ever written, logged or passed on; see docs/media.md.
"""
