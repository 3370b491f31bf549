"""Responds to requests: routing, requests and responses, ASGI, transports."""
