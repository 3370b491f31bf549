"""The environment variables that set a server: its URL, API key and public URL, or its profile."""

from __future__ import annotations

import os

from docassemble_client.errors import UsageError

URL_VARIABLE = "DOCASSEMBLE_URL"
KEY_VARIABLE = "DOCASSEMBLE_API_KEY"
PUBLIC_URL_VARIABLE = "DOCASSEMBLE_PUBLIC_URL"
PROFILE_VARIABLE = "DOCASSEMBLE_PROFILE"


def read_environment() -> tuple[str, str, str | None]:
    """Return the URL, the API key and the public URL that the environment variables set."""
    url, api_key = os.environ.get(URL_VARIABLE), os.environ.get(KEY_VARIABLE)
    if url and api_key:
        return url, api_key, os.environ.get(PUBLIC_URL_VARIABLE) or None
    missing = [name for name, value in ((URL_VARIABLE, url), (KEY_VARIABLE, api_key)) if not value]
    message = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
    raise UsageError(message, hint="Set the environment variables, or pass base_url and api_key")
