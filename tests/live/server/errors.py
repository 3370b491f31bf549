"""Errors of the live server."""


class LiveServerUnavailable(Exception):
    """The live server cannot run on this machine. The text gives the reason and a solution."""


class ServiceError(Exception):
    """A process of the server did not start or ended unexpectedly. The text shows its log."""
