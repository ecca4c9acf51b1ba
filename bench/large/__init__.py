"""What ten million rules cost: to compile, to open, to start with, to change under load."""

from bench.names import MILLION

COUNT = 10 * MILLION
