"""The state of the fake server; no module here knows about HTTP requests."""
