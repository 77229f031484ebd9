"""Running servers behind TLS, STARTTLS or neither: what works, and what is told where something is wrong."""

from __future__ import annotations

import datetime
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.imap.endpoint import Endpoint, Tls
from conformance.imap.wire import WireConnection
from conformance.problems import AdapterProblem, UsageProblem
from conformance.reference.server.server import ReferenceServer
from conformance.selftest.imap_servers import Script, scripted
from conformance.selftest.tls_servers import Authority, imaps, starttls
from conformance.servers.location import is_loopback, parse
from conformance.servers.remote import RemoteServer

PAST = {"not_before": datetime.datetime(2019, 1, 1), "not_after": datetime.datetime(2020, 1, 1)}
FUTURE = {"not_before": datetime.datetime(2990, 1, 1), "not_after": datetime.datetime(2999, 1, 1)}
TIMEOUT, MOST_SECONDS = 1.0, 3.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A private certificate authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server() -> Iterator[ReferenceServer]:
    """A server with the account `u` that speaks no TLS itself."""
    with ReferenceServer() as started:
        started.add_account("u", "pa55word!")
        yield started


def enter(url: str, **options: str) -> str:
    """Open a server by its URL, take an account, use it, and leave it again; how the login was done."""
    with RemoteServer(parse(url, options), TIMEOUT) as remote:
        account = remote.fresh_account()
        with WireConnection.open(account.endpoint, timeout=TIMEOUT) as wire:
            wire.authenticate(account.credentials)
            assert wire.command(b"NOOP").ok
            return type(wire.socket).__name__


def refused(url: str, **options: str) -> AdapterProblem:
    """The problem that keeps a server from being opened; it holds no secret and comes in time."""
    started = time.monotonic()
    with pytest.raises(AdapterProblem) as told:
        enter(url, **options)
    assert time.monotonic() - started < MOST_SECONDS
    assert told.value.exit_code == 3
    assert "pa55word" not in str(told.value)
    assert told.value.mend
    return told.value


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_tls_with_a_private_authority(server: ReferenceServer, authority: Authority, host: str) -> None:
    """IMAPS over IPv4 and IPv6, verified by the authority that an option names."""
    spelled = f"[{host}]" if ":" in host else host
    with imaps(server.endpoint, authority.server(host), host) as port:
        assert enter(f"imaps://u:pa55word!@{spelled}:{port}/root", ca=str(authority.file)) == "SSLSocket"


@pytest.mark.parametrize(
    ("scheme", "options"), [("imap+starttls", {}), ("imap", {"security": "starttls"})], ids=["scheme", "option"]
)
def test_starttls_with_a_private_authority(
    server: ReferenceServer, authority: Authority, scheme: str, options: dict[str, str]
) -> None:
    """STARTTLS by scheme or option; LOGIN, which was disabled before, is offered after it."""
    with starttls(server.endpoint, authority.server()) as port:
        url = f"{scheme}://u:pa55word!@127.0.0.1:{port}/root"
        assert enter(url, ca=str(authority.file), **options) == "SSLSocket"


def test_a_certificate_of_ours_is_shown(server: ReferenceServer, authority: Authority) -> None:
    """A server that wants one lets us in with it, and without it the mend says how to give it."""
    certificate, key = authority.client_files()
    with imaps(server.endpoint, authority.server(wants_certificate=True)) as port:
        url, ca = f"imaps://u:pa55word!@127.0.0.1:{port}/", str(authority.file)
        assert enter(url, ca=ca, certificate=str(certificate), key=str(key)) == "SSLSocket"
        assert "-O server.certificate" in refused(url, ca=ca).mend


def test_a_name_or_no_verification_may_be_said(server: ReferenceServer, authority: Authority) -> None:
    """A laboratory server under another name is accepted when that name, or no verification, is asked for."""
    with imaps(server.endpoint, authority.server("imap.example.org")) as port:
        url = f"imaps://u:pa55word!@127.0.0.1:{port}/"
        assert enter(url, ca=str(authority.file), name="imap.example.org") == "SSLSocket"
        assert enter(url, verify="no") == "SSLSocket"
        assert "server.name" in refused(url, ca=str(authority.file)).mend


@pytest.mark.parametrize(
    ("name", "changes", "trusted", "told", "mend"),
    [
        ("127.0.0.1", {}, False, "an authority that is not known here", "-O server.ca=FILE"),
        ("example.org", {}, True, "is for another name than '127.0.0.1'", "-O server.name=NAME"),
        ("127.0.0.1", PAST, True, "has expired", "renew"),
        ("127.0.0.1", FUTURE, True, "is not valid yet", "clocks"),
    ],
    ids=["unknown authority", "other name", "expired", "not yet"],
)
@pytest.mark.parametrize("before", [imaps, starttls])
def test_a_certificate_that_proves_nothing_is_told(
    server: ReferenceServer,
    authority: Authority,
    before: Callable[..., object],
    name: str,
    changes: dict[str, Any],
    trusted: bool,  # noqa: FBT001
    told: str,
    mend: str,
) -> None:
    """Each with its own words and mend, over IMAPS and STARTTLS, and before any password is sent."""
    options = {"ca": str(authority.file)} if trusted else {}
    scheme = "imaps" if before is imaps else "imap+starttls"
    with before(server.endpoint, authority.server(name, **changes)) as port:  # type: ignore[attr-defined]
        problem = refused(f"{scheme}://u:pa55word!@127.0.0.1:{port}/", **options)
    assert told in problem.text
    assert mend in problem.mend


def _silent(peer: socket.socket) -> None:
    peer.recv(1000)
    peer.recv(1000)


def _sending(octets: bytes) -> Script:
    def script(peer: socket.socket) -> None:
        peer.sendall(octets)
        peer.recv(1000)

    return script


@pytest.mark.parametrize(
    ("scheme", "script", "told"),
    [
        ("imaps", _silent, "no TLS handshake within 1 s"),
        ("imaps", _sending(b"* OK ready\r\n"), "is not TLS"),
        ("imaps", _sending(b"\x00\xff\x17" * 500), "is not TLS"),
        ("imaps", lambda _: None, "TLS with 127.0.0.1 failed"),
        ("imap", _silent, "no answer within 1 s"),
        ("imap", _sending(b"\x16\x03\x01\x00\x01\x02\r\n"), "is no IMAP server"),
        ("imap", _sending(b"* OK \xff\xfe\x00\r\n* GARBAGE(((\r\n"), "logging in failed"),
        ("imap", lambda _: None, "closed by the server"),
        ("imap+starttls", _sending(b"* OK ready\r\nA1 NO not today\r\n"), "offers no encryption"),
        ("imap+starttls", _sending(b"* OK ready\r\nA1 OK go\r\nnot TLS at all"), "in between"),
        ("imap+starttls", _sending(b"* PREAUTH hello\r\nA1 BAD already in\r\n"), "offers no encryption"),
        ("imap+starttls", _silent, "no answer within 1 s"),
    ],
)
def test_a_server_that_speaks_something_else_is_told(scheme: str, script: Script, told: str) -> None:
    """Silence, garbage, an end at once, TLS that is not there, and an injection: bounded in time, with a mend."""
    with scripted(script) as endpoint:
        assert told in str(refused(f"{scheme}://u:pa55word!@127.0.0.1:{endpoint.port}/"))


def test_plain_where_tls_is_expected_is_told(server: ReferenceServer, authority: Authority) -> None:
    """A server that waits for TLS says nothing to us, and the mend is to write imaps://."""
    with imaps(server.endpoint, authority.server()) as port:
        assert "imaps://" in refused(f"imap://u:pa55word!@127.0.0.1:{port}/").mend


def test_a_stripped_starttls_sends_no_login() -> None:
    """Somebody in between that takes STARTTLS away does not get to see the password."""
    heard: list[bytes] = []

    def strip(peer: socket.socket) -> None:
        peer.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while octets := peer.recv(1000):
            heard.append(octets)
            peer.sendall(octets.split(b" ")[0] + b" BAD unknown\r\n")

    with scripted(strip) as endpoint:
        problem = refused(f"imap+starttls://u:pa55word!@127.0.0.1:{endpoint.port}/")
    assert "the login is not sent" in problem.text
    assert b"".join(heard) == b"A1 STARTTLS\r\n"


@pytest.mark.parametrize(
    ("url", "options", "security"),
    [
        ("imap://u:p@lab.example.org", {}, "starttls"),
        ("imap://u:p@192.0.2.1", {}, "starttls"),
        ("imap://u:p@lab.example.org", {"security": "plain"}, "none"),
        ("imap+plain://u:p@lab.example.org", {}, "none"),
        ("imap://u:p@127.0.0.1", {}, "none"),
        ("imap://u:p@127.1.2.3", {}, "none"),
        ("imap://u:p@[::1]", {}, "none"),
        ("imap://u:p@LocalHost", {}, "none"),
        ("imap://u:p@localhost.example.org", {}, "starttls"),
        ("imap://u:p@127.0.0.1", {"security": "tls"}, "tls"),
        ("imaps://u:p@127.0.0.1", {"security": "tls"}, "tls"),
    ],
)
def test_plain_is_only_what_was_said(url: str, options: dict[str, str], security: str) -> None:
    """Over a network imap:// is STARTTLS; plain has to be asked for, but to this machine itself."""
    assert parse(url, options).endpoint.security == security


def test_port_993_comes_with_tls() -> None:
    """The usual port is that of the security, however it was said."""
    assert parse("imap://u:p@host", {"security": "tls"}).endpoint.port == 993
    assert not is_loopback("example.org")


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("imaps://u:p@h", {"security": "plain"}, "says tls, the option security says plain"),
        ("imap://u:p@h", {"security": "none"}, "'none' is none of its values"),
        ("imap://u:p@h", {"verify": "maybe"}, "verify: 'maybe'"),
        ("imap://u:p@h", {"ca": "/no/such/file"}, "ca: there is no file '/no/such/file'"),
        ("imap://u:p@h", {"ca": ""}, "ca: there is no file ''"),
        ("imap://u:p@h", {"ca": str(Path(__file__).parent)}, "ca: there is no file"),
        ("imap://u:p@h", {"key": "/"}, "key: there is no file '/'"),
        ("imap://u:p@h", {"ca": __file__}, "cannot be used"),
        ("imap://u:p@h", {"certificate": __file__}, "certificate: .* cannot be used"),
        ("imap://u:p@h", {"key": __file__}, "it belongs to a certificate"),
        ("imap://u:p@h", {"rate": "fast"}, "rate: 'fast'"),
        ("imap://u:p@h", {"rate": "0"}, "rate: '0'"),
        ("imap://u:p@h", {"rate": "nan"}, "rate: 'nan'"),
        ("imap://u:p@h", {"authentication": "kerberos"}, "authentication: 'kerberos'"),
        ("imap://u@h", {"authentication": "oauthbearer"}, "no OAuth 2.0 token"),
        ("imap://u@h", {}, "no password"),
        ("imap://u:p@h", {"foreign": "yes"}, "foreign: 'yes'"),
    ],
)
def test_an_option_without_sense_is_told(
    url: str, options: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Usage, exit code 4, with the values that it can have or the mend."""
    for name in ("CPM_SERVER_PASSWORD", "CPM_SERVER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageProblem, match=told) as problem:
        parse(url, options)
    assert problem.value.mend


def test_a_key_with_a_password_is_opened_by_the_environment(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password of a key comes from the environment, never from the terminal; a wrong one is told without it."""
    from cryptography.hazmat.primitives import serialization

    certificate, plain = authority.client_files()
    key = serialization.load_pem_private_key(plain.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open-sesame"),
        )
    )
    options = {"certificate": str(certificate), "key": str(locked)}
    monkeypatch.setenv("CPM_SERVER_KEY_PASSWORD", "open-sesame")
    assert parse("imaps://u:p@h", options).endpoint.tls.key == locked
    monkeypatch.setenv("CPM_SERVER_KEY_PASSWORD", "wrong-sesame")
    with pytest.raises(UsageProblem) as told:
        parse("imaps://u:p@h", options)
    assert "CPM_SERVER_KEY_PASSWORD" in told.value.mend
    assert "sesame" not in str(told.value)


def test_no_secret_shows_in_a_repr() -> None:
    """Whatever prints settings prints no password."""
    tls = Tls(key_password="s3cret")
    assert "s3cret" not in repr(Endpoint("h", 1, "tls", tls=tls))
    assert "s3cret" not in repr(parse("imap://u:s3cret@h"))
