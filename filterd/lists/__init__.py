"""Rule lists: fetched, checked before use, kept on disk, compiled into one index."""
