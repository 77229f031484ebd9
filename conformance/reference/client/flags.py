r"""Flags of objects: their three-way merge without regard to letter case, and the spelling that each store uses.

`\Recent` belongs to a session and `\Deleted` is a mark for removal; neither is metadata that travels.
"""

from __future__ import annotations

from collections.abc import Iterable

from conformance.model.oracle import merge_flags
from conformance.model.states import Flags

_LOCAL_TO_A_STORE = frozenset({"\\recent", "\\deleted"})
_SYSTEM = {flag.lower(): flag for flag in ("\\Seen", "\\Answered", "\\Flagged", "\\Draft")}

__all__ = ["agreed", "folded", "merge_flags", "permitted", "spelled", "travelling"]


def folded(flags: Iterable[str]) -> Flags:
    """The flags that travel, in lower case: what is compared and what the base holds."""
    return frozenset(flag.lower() for flag in flags) - _LOCAL_TO_A_STORE


def travelling(flags: Iterable[str]) -> Flags:
    """The flags that travel, as they were spelled."""
    return frozenset(flag for flag in flags if flag.lower() not in _LOCAL_TO_A_STORE)


def spelled(flags: Iterable[str], *sources: Iterable[str]) -> Flags:
    """Folded flags in the spelling of the first source that holds them."""
    spellings = {flag.lower(): flag for source in reversed(sources) for flag in source} | _SYSTEM
    return frozenset(spellings.get(flag, flag) for flag in flags)


def agreed(base: Flags, local: Flags, server: Flags) -> Flags:
    """The next base: a flag's common value where there is one, else still the old one, so that it stays pending."""
    return (local & server) | (base & (local ^ server))


def permitted(flags: Iterable[str], defined: Iterable[str], permanent: Iterable[str] | None) -> Flags:
    """The flags that a folder keeps. Without PERMANENTFLAGS all are permanent (RFC 3501 6.3.1).

    Of the flags that open with a backslash a client may only set those that the folder names (RFC 3501 2.3.2).
    """
    named = {flag.lower() for flag in (defined if permanent is None else permanent)} | (
        set(_SYSTEM) if permanent is None else set()
    )
    new_keywords = permanent is None or "\\*" in named
    return frozenset(flag for flag in flags if flag.lower() in named or (new_keywords and not flag.startswith("\\")))
