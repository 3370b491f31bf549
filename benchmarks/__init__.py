"""Compares the CPU cost of calls with that of other clients: `nox -s bench`."""
