"""How much of a caller's CPU a call costs, beside what other clients cost: `nox -s bench`."""
