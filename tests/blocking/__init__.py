"""Tests of `Docassemble`, the client for code that is not async."""
