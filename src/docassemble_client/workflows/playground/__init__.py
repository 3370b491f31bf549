"""Sync folders to projects of the Playground."""
