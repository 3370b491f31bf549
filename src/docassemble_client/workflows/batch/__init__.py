"""Run one interview for many rows."""
