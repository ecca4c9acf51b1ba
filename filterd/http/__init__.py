"""HTTP and HTTPS filtering: what is asked for, what is decided, what is answered."""
