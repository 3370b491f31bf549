"""Deploy packages."""
