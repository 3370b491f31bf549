"""One call, from arguments to value; no HTTP library."""
