"""What the fake server remembers; nothing in here knows of requests."""
