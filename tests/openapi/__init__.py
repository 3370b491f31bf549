"""Tests of the OpenAPI documents with other programs; `nox -s openapi` runs them."""
