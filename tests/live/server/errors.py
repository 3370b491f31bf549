"""What can go wrong for the user of the live server."""


class LiveServerUnavailable(Exception):
    """No live server can be had on this machine; the text says why and what to do about it."""


class ServiceError(Exception):
    """A process of the server did not start, or ended by itself; the text shows its log."""
