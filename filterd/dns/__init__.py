"""Doors: where queries come in. They move bytes between sockets and the engine, nothing else."""
