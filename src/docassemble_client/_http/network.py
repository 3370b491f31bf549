"""TLS contexts and proxies."""

from __future__ import annotations

import re
import ssl
from importlib import import_module
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from docassemble_client.errors import UsageError


def create_ssl_context(
    verify: bool | str | ssl.SSLContext,
    cert: str | tuple[str, str] | None,
    library: str = "httpx",
) -> ssl.SSLContext:
    """
    Create the context for TLS.

    Args:
        verify: True to trust the usual certificate authorities, False to verify nothing, or a path
            with trusted certificates.
        cert: Client certificate.
        library: Library that defines the usual authorities: httpx2 uses those of the system, all
            others use those of httpx.

    Returns:
        The context.

    Raises:
        OSError: A file cannot be read.
    """
    if isinstance(verify, ssl.SSLContext):
        context = verify
    elif isinstance(verify, str):
        is_folder = Path(verify).is_dir()
        context = ssl.create_default_context(
            capath=verify if is_folder else None, cafile=None if is_folder else verify
        )
    else:
        httpx: Any = import_module("httpx2" if library == "httpx2" else "httpx")
        context = httpx.create_ssl_context(verify=verify)
    if cert is not None:
        certificate, key = (cert, None) if isinstance(cert, str) else cert
        # A wrong password, so that OpenSSL does not ask for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    return context


def load_ssl_context(
    verify: bool | str | ssl.SSLContext, cert: str | tuple[str, str] | None, library: str
) -> ssl.SSLContext:
    try:
        return create_ssl_context(verify, cert, library)
    except OSError as error:
        message = f"verify or cert cannot be used ({type(error).__name__})"
        hint = "Check that the files exist, are in PEM format, and that the key has no password"
        raise UsageError(message, hint=hint) from None


def find_environment_proxy(base_url: str) -> str | None:
    """Return the proxy that the environment or the system sets for this URL, or None."""
    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if (
        not proxy
        or proxy_bypass(parts.netloc)
        or _is_excluded_address(parts.hostname or "", proxies.get("no", ""))
    ):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_excluded_address(host: str, no_proxy: str) -> bool:
    """Whether NO_PROXY has the address or its network; urllib compares names and IPv4 texts."""
    address = _parse_network(host)
    if address is None:
        return False
    networks = map(_parse_network, no_proxy.split(","))
    return any(
        network.version == address.version and address.network_address in network
        for network in networks
        if network is not None
    )


def _parse_network(text: str) -> IPv4Network | IPv6Network | None:
    """Parse an address, such as ::1 or [::1], or a network, such as 10.0.0.0/8; else None."""
    # With a port, urllib compares the text.
    bare = re.sub(r"^\[([^\]]*)\](?=$|/)", r"\1", text.strip())
    try:
        return ip_network(bare, strict=False)
    except ValueError:
        return None


def check_proxy(proxy: str) -> None:
    """Raise ValueError for an invalid proxy that one of the libraries would accept."""
    parts = urlsplit(proxy)
    has_invalid_character = " " in proxy or not proxy.isprintable()
    if has_invalid_character or not parts.hostname or parts.port == 0:
        raise ValueError
