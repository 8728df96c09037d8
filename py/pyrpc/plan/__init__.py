"""Deciding, pure: how to split, which node is next, whether to try again. No I/O, clock, threads or NumPy."""
