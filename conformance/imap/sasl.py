"""SASL (RFC 4422) from the client's side, without any I/O: which mechanism, and its answer to each challenge."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from scramp import ScramClient, ScramException

from conformance.imap.endpoint import TOKEN_MECHANISMS, Credentials, Mechanism
from conformance.imap.errors import LoginRefused

SCRAM_MECHANISMS: tuple[Mechanism, ...] = ("SCRAM-SHA-256", "SCRAM-SHA-1")
MOST_ITERATIONS = 1_000_000
"""A server that asks SCRAM for more would only have us compute."""
_ITERATIONS = re.compile(rb",i=(\d+)")


def choose(credentials: Credentials, offered: frozenset[str]) -> Mechanism:
    """The mechanism to log in with, `LOGIN` being the command. Raises `LoginRefused` where none that fits is offered.

    A token goes before a password, and for that SCRAM (RFC 7677) before what shows it to the server.
    """
    usual: tuple[Mechanism, ...] = TOKEN_MECHANISMS if credentials.token else (*SCRAM_MECHANISMS, "LOGIN", "PLAIN")
    wanted = (credentials.mechanism,) if credentials.mechanism else usual
    for mechanism in wanted:
        if "LOGINDISABLED" not in offered if mechanism == "LOGIN" else f"AUTH={mechanism}" in offered:
            return mechanism
    ways = sorted(each.removeprefix("AUTH=") for each in offered if each.startswith("AUTH="))
    ways += ["LOGIN"] * ("LOGINDISABLED" not in offered)
    told = f"{' or '.join(wanted)} is not offered here, only {', '.join(ways)}"
    if not ways:
        told = "no way to log in is offered here; try tls or starttls"
    raise LoginRefused("login", "NO", "LOGINDISABLED" if "LOGINDISABLED" in offered else None, told)


class Conversation(Protocol):
    """One authentication under way."""

    def answer(self, challenge: bytes) -> bytes:
        """The response to a challenge; to an empty one, the initial response. Raises `LoginRefused`."""
        ...

    def end(self) -> None:
        """The server says that it is satisfied. Raises `LoginRefused` where it has not shown what it should."""
        ...


def converse(mechanism: Mechanism, credentials: Credentials, host: str = "", port: int = 0) -> Conversation:
    """A conversation in a mechanism other than `LOGIN`; `host` and `port` are what OAUTHBEARER tells."""
    user, token = credentials.user, credentials.token
    if mechanism in SCRAM_MECHANISMS:
        return _Scram(mechanism, credentials)
    said: dict[str, Callable[[], str]] = {
        "PLAIN": lambda: f"\0{user}\0{credentials.password}",
        "EXTERNAL": lambda: "",
        "XOAUTH2": lambda: f"user={user}\1auth=Bearer {token}\1\1",
        "OAUTHBEARER": lambda: f"n,a={_saslname(user)},\1host={host}\1port={port}\1auth=Bearer {token}\1\1",
    }
    # RFC 7628 3.2.3: the reason for a refusal comes as one more challenge, which is answered by a dummy.
    return _OneMessage(said[mechanism]().encode(), b"\1" if mechanism == "OAUTHBEARER" else b"")


def _saslname(user: str) -> str:
    return user.replace("=", "=3D").replace(",", "=2C")


class _OneMessage:
    """A mechanism that says everything at once; `closing` answers whatever the server says to that."""

    def __init__(self, message: bytes, closing: bytes) -> None:
        self._message, self._closing = message, closing

    def answer(self, challenge: bytes) -> bytes:  # noqa: ARG002
        message, self._message = self._message, self._closing
        return message

    def end(self) -> None:
        """Nothing is to be shown."""


class _Scram:
    """SCRAM (RFC 5802) without channel binding; the server has to prove that it knows the password, too."""

    def __init__(self, mechanism: Mechanism, credentials: Credentials) -> None:
        self._name = mechanism
        try:
            self._client = ScramClient([mechanism], credentials.user, credentials.password)
        except ScramException as error:
            raise self._refused(str(error)) from None
        self._steps = iter((self._first, self._final, self._verify))
        self._proved = False

    def answer(self, challenge: bytes) -> bytes:
        step = next(self._steps, None)
        if step is None:
            raise self._refused("one challenge too many")
        try:
            return step(challenge.decode()).encode()
        except (ScramException, ValueError) as error:
            raise self._refused(str(error)) from None

    def _first(self, _: str) -> str:
        return str(self._client.get_client_first())

    def _final(self, challenge: str) -> str:
        asked = _ITERATIONS.search(challenge.encode())
        if asked and (len(asked[1]) > len(str(MOST_ITERATIONS)) or int(asked[1]) > MOST_ITERATIONS):
            raise ValueError(f"more than {MOST_ITERATIONS} iterations are asked for")
        self._client.set_server_first(challenge)
        return str(self._client.get_client_final())

    def _verify(self, challenge: str) -> str:
        self._client.set_server_final(challenge)
        self._proved = True
        return ""

    def end(self) -> None:
        if not self._proved:
            raise self._refused("the server did not prove that it knows the password")

    def _refused(self, why: str) -> LoginRefused:
        return LoginRefused(self._name, "NO", None, why)
