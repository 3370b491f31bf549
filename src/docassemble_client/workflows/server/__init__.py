"""Check, restart and configure a server."""
