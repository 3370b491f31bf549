"""The errors of connections: what failed, at which address, and what to do next."""

from __future__ import annotations

import re
import ssl
from socket import gaierror
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from docassemble_client._core.error_mapping import timeout_error
from docassemble_client.errors import MaybeSent, NotSent, RequestTimeout, format_seconds

if TYPE_CHECKING:
    from docassemble_client._core.messages import Request
    from docassemble_client.config import Timeouts

TRY_AGAIN = "Try again"
CHECK_FIRST = "The server may have processed the request: check before you repeat it"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080
# What OpenSSL says about a response that is not TLS, by version.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})
# Codes of X509_V_ERR_…, see x509_vfy.h of OpenSSL.
_EXPIRED = 10
_WRONG_NAME = frozenset({62, 64})


class _Problem:
    """Why a connection failed, what to do, and whether a later attempt may succeed."""

    def __init__(self, message: str, hint: str, *, is_transient: bool = True) -> None:
        self.message = message
        self.hint = hint
        self.is_transient = is_transient


class ConnectionErrors:
    """
    Builds the errors of connections to one server.

    Their texts name hosts and ports, and never the user or password of a URL.

    Attributes:
        has_response: Whether the server has sent any response.
    """

    def __init__(self, base_url: str, proxy: str | None = None) -> None:
        """
        Prepare the addresses for the texts.

        Args:
            base_url: URL of the server.
            proxy: URL of the proxy; None without a proxy, or if it is unknown.
        """
        self.has_response = False
        self._base_url = base_url
        self._server = _format_address(base_url)
        self._proxy = "" if proxy is None else f"the proxy {_format_address(proxy)}"
        self._path = self._server + (f" via {self._proxy}" if self._proxy else "")

    def connect_error(
        self, request: Request, reason: BaseException, *, is_text_safe: bool = True
    ) -> NotSent:
        """
        Build the NotSent error for a failed connection.

        Args:
            request: The request.
            reason: Exception of the library.
            is_text_safe: Whether its text is the library's own; otherwise it may contain what a
                server or proxy sent.

        Returns:
            The error.
        """
        problem = self._find_problem(reason, is_text_safe=is_text_safe)
        error = NotSent(problem.message, hint=problem.hint, **request.error_context)
        error.is_transient = problem.is_transient
        return error

    def client_closed(self, request: Request) -> NotSent:
        """Build the NotSent error for a connection that the end of the client interrupted."""
        message = f"no connection to {self._path}: the client was closed"
        error = NotSent(message, hint="Create a new client", **request.error_context)
        error.is_transient = False
        return error

    def proxy_refusal(self, request: Request, status: int) -> NotSent:
        """Build the NotSent error for a proxy that opens no tunnel."""
        hint = "Check that the proxy may connect to the server"
        if status == 407:  # noqa: PLR2004 - Proxy Authentication Required
            hint = (
                "The proxy requires a login: put the user and password into its URL, as in"
                " proxy='http://user:password@proxy.example.com:3128'"
            )
        message = (
            f"no connection to {self._server}: {self._proxy or 'the proxy'} responded with status"
            f" {status}"
        )
        return NotSent(message, hint=hint, **request.error_context)

    def connect_timeout(self, request: Request, timeouts: Timeouts) -> RequestTimeout:
        """Build the RequestTimeout for a connection that was not made in time."""
        return RequestTimeout(
            f"no connection to {self._path}{_format_limit(' within', timeouts.connect)}",
            hint=(
                "Check the host and port of base_url, the network and its firewalls. To allow more"
                " time, pass timeout=Timeouts(connect=…)"
            ),
            maybe_processed=False,
            **request.error_context,
        )

    def read_timeout(self, request: Request, timeouts: Timeouts) -> RequestTimeout:
        """Build the RequestTimeout for a server that was silent for too long."""
        message = f"the server {self._path} sent nothing{_format_limit(' for', timeouts.read)}"
        return timeout_error(request, message, sent=True, limit="read")

    def write_timeout(self, request: Request, timeouts: Timeouts) -> RequestTimeout:
        """Build the RequestTimeout for a server that accepted no data for too long."""
        message = f"the server {self._path} accepted no data{_format_limit(' for', timeouts.write)}"
        return timeout_error(request, message, sent=True, limit="write")

    def connection_lost(self, request: Request, error: Exception) -> MaybeSent:
        """
        Build the MaybeSent error for a lost connection.

        Args:
            request: The request.
            error: Exception of the library; only its type is shown, as its text may be secret.

        Returns:
            The error.
        """
        hint = TRY_AGAIN if request.safe else CHECK_FIRST
        may_expect_tls = self._base_url.startswith("http:") and not self._proxy
        if may_expect_tls and not self.has_response:
            # OpenSSL closes a connection that begins with HTTP, without an alert.
            https_url = f"https:{self._base_url.removeprefix('http:')}"
            otherwise = (
                "try again"
                if request.safe
                else "check what the server has processed before you repeat it"
            )
            hint = f"If the port expects HTTPS, use {https_url} as base_url; if not, {otherwise}"
        message = (
            f"the connection to {self._path} broke before the response was complete"
            f" ({type(error).__name__})"
        )
        return MaybeSent(message, hint=hint, **request.error_context)

    def _find_problem(self, reason: BaseException, *, is_text_safe: bool) -> _Problem:
        error = _find_cause(reason)
        if isinstance(error, ssl.SSLError):
            return self._find_tls_problem(error)
        target = self._proxy or self._server
        setting = "the URL of the proxy (proxy=, HTTPS_PROXY)" if self._proxy else "base_url"
        if isinstance(error, gaierror):
            return _Problem(
                f"no connection to {target}: the name of the host cannot be resolved",
                f"Check the host in {setting}, and the DNS of this machine",
            )
        if isinstance(error, ConnectionRefusedError):
            program = "the proxy" if self._proxy else "the server"
            return _Problem(
                f"no connection to {target}: it was refused, because no program uses the port",
                f"Check the port in {setting}, and that {program} is running",
            )
        text = str(error) if is_text_safe or isinstance(error, OSError) else type(error).__name__
        return _Problem(
            f"no connection to {target}: {text}", f"Check {setting}, the network and its firewalls"
        )

    def _find_tls_problem(self, error: ssl.SSLError) -> _Problem:
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._find_certificate_problem(error)
        # An exception that a caller's transport makes has no attributes of OpenSSL.
        openssl_reason: str = getattr(error, "reason", None) or ""
        if openssl_reason in _NOT_TLS:
            http_url = f"http:{self._base_url.removeprefix('https:')}"
            return _Problem(
                f"the server {self._path} does not speak TLS",
                f"Use {http_url} as base_url if the server has no TLS; the API key is then sent"
                " unencrypted",
                is_transient=False,
            )
        reason = f" ({openssl_reason})" if openssl_reason else ""
        return _Problem(
            f"the TLS handshake with {self._path} failed{reason}",
            "Check that the port of base_url expects HTTPS; cert= passes a client certificate",
        )

    def _find_certificate_problem(self, error: ssl.SSLCertVerificationError) -> _Problem:
        certificate = f"the certificate of {self._path}"
        code = getattr(error, "verify_code", None)
        if code in _WRONG_NAME:
            return _Problem(
                f"{certificate} is for another name",
                "Use a host name that the certificate lists as base_url",
                is_transient=False,
            )
        if code == _EXPIRED:
            return _Problem(
                f"{certificate} has expired",
                "Renew it on the server; if it is valid, check the clock of this machine",
                is_transient=False,
            )
        return _Problem(
            f"{certificate} is not trusted ({getattr(error, 'verify_message', 'not verified')})",
            "Pass the certificate of its issuer, a PEM file, as verify= or in SSL_CERT_FILE",
            is_transient=False,
        )


def _format_address(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, _SOCKS_PORT)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _format_limit(preposition: str, seconds: float | None) -> str:
    # Without a limit, the operating system or the caller's transport has its own.
    return " in time" if seconds is None else f"{preposition} {format_seconds(seconds)}"


def _find_cause(error: BaseException) -> BaseException:
    """Find the exception of the operating system or of OpenSSL behind those of the libraries."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):  # one for each address of the host
            cause = cast("BaseExceptionGroup[BaseException]", cause).exceptions[0]
        if isinstance(cause, OSError):
            error = cause
        # The pools of httpcore and httpcore2 raise their exceptions again, `from None`.
        is_raised_again = type(cause).__module__.startswith("httpcore")
        cause = cause.__cause__ or (cause.__context__ if is_raised_again else None)
    return error


def parse_proxy_status(text: str) -> int | None:
    """Return the status at the beginning of a text, such as 407 Proxy Authentication Required."""
    match = re.match(r"([0-9]{3})\b", text)
    return int(match[1]) if match else None
