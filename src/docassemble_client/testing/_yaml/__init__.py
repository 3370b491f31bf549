"""Interviews written in YAML."""
