"""Serve the fake server: HTTP, ASGI, transports."""
