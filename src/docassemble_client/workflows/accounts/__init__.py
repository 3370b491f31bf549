"""Users, API keys and stored sessions."""
