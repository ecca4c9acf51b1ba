"""The local control socket: how the command line talks to the running daemon."""
