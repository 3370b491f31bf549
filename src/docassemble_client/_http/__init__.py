"""The only folder with an HTTP library."""
