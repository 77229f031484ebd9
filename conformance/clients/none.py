"""No client at all, `--client none`: only the server is judged."""

from __future__ import annotations


def no_client() -> None:
    """There is nothing to make."""
