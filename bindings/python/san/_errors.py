from __future__ import annotations


class Error(Exception):
    """Anything that went wrong in san. The text says where, what was expected, what was met and what to do."""


class Cancelled(Error):
    """The call was ended through its :class:`san.Cancellation`. Everything stays usable."""
