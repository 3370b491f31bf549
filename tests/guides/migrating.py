"""Prepares docs/guide/migrating.md: a package in the current folder."""

from __future__ import annotations

from tests.guides.deploy import prepare_server

__all__ = ["prepare_server"]
