"""The HTTP filter: decides by name before it decrypts, in a process of its own."""
