"""Runs the interviews of public packages on a real server."""
