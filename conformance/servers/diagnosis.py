"""What was wrong with a connection to a running server, where, and the mend: never an error's own text alone."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping

from conformance.imap.errors import (
    ConnectionLost,
    ImapProblem,
    LoginRefused,
    NotAnImapServer,
    OperationRefused,
    ServerStalled,
    SyntaxProblem,
)
from conformance.problems import AdapterProblem
from conformance.secrecy import spellings, without
from conformance.servers.location import TOKEN_VARIABLE, Location

LOG = "look into the server's log"
_AUTHORITY = "name its authority's certificate: -O server.ca=FILE (SSL_CERT_FILE works, too)"
_NAME = "put that name into the URL, or, if you know that server, say -O server.name=NAME"
_CERTIFICATES: Mapping[int, tuple[str, str]] = {
    9: ("its certificate is not valid yet", "look at the clocks of both machines, or renew the certificate"),
    10: ("its certificate has expired", "renew the server's certificate"),
    18: ("its certificate is signed by itself, and not known here", "name that certificate: -O server.ca=FILE"),
    19: ("an authority that is not known here signed its certificate", _AUTHORITY),
    20: ("an authority that is not known here signed its certificate", _AUTHORITY),
    21: ("an authority that is not known here signed its certificate", _AUTHORITY),
    23: ("its certificate is revoked", "renew the server's certificate"),
    62: ("its certificate is for another name", _NAME),
    64: ("its certificate is for another name", _NAME),
}
"""By OpenSSL's X509_V_ERR number."""
_PLAIN = "it speaks no TLS there: write imap+starttls://, or, on a network that you trust, imap+plain://"
_OURS = "give the certificate that the server asks for: -O server.certificate=FILE -O server.key=FILE"
_HANDSHAKES: Mapping[str, tuple[str, str]] = {
    "WRONG_VERSION_NUMBER": ("what answers there is not TLS", _PLAIN),
    "RECORD_LAYER_FAILURE": ("what answers there is not TLS", _PLAIN),
    "PACKET_LENGTH_TOO_LONG": ("what answers there is not TLS", _PLAIN),
    "HTTP_REQUEST": ("what answers there is not TLS", _PLAIN),
    "UNSUPPORTED_PROTOCOL": ("it knows no TLS as new as 1.2", "enable TLS 1.2 or 1.3 on the server"),
    "TLSV1_ALERT_PROTOCOL_VERSION": ("it knows no TLS as new as 1.2", "enable TLS 1.2 or 1.3 on the server"),
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": ("it wants a certificate from us", _OURS),
    "SSLV3_ALERT_HANDSHAKE_FAILURE": ("it refuses the handshake, as one does that wants a certificate", _OURS),
    "TLSV1_ALERT_UNKNOWN_CA": ("it does not know the authority of our certificate", _OURS),
    "SSLV3_ALERT_BAD_CERTIFICATE": ("it refuses our certificate", _OURS),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": ("it refuses our certificate", _OURS),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": ("our certificate has expired", _OURS),
    "TLSV1_UNRECOGNIZED_NAME": ("it does not know the name that we ask for", _NAME),
}
"""By OpenSSL's reason, without regard to how it spells a missing alert."""


def unreachable(location: Location, error: ImapProblem) -> AdapterProblem:
    """No greeting came, or no TLS."""
    return _masked(location, *_unreachable(location, error))


def _unreachable(location: Location, error: ImapProblem) -> tuple[str, str]:
    security, where = location.endpoint.security, str(location)
    found = _handshake(error, location.endpoint.certified_name)
    if found:
        return f"{where} cannot be reached: TLS with {location.endpoint.host} failed: {found[0]}", found[1]
    if isinstance(error, NotAnImapServer):
        return f"{where} is no IMAP server: {error}", "check the port: IMAP has 143, or 993 for imaps://"
    if isinstance(error, OperationRefused):
        mend = "write imaps:// if it speaks TLS at once, or, on a network that you trust, imap+plain://"
        return f"{where} offers no encryption, and the login is not sent without: {error}", mend
    if isinstance(error, SyntaxProblem):
        return f"{where} cannot be understood, or somebody in between speaks for it: {error}", LOG
    if _cause(error, socket.gaierror):
        return f"{where} cannot be reached: {error}", "check the spelling of the host, and the name service"
    return f"{where} cannot be reached: {error}", _guess(security, error)


def _guess(security: str, error: ImapProblem) -> str:
    """The mend where nothing tells what the matter is."""
    if security == "none" and isinstance(error, ServerStalled):
        return "if it speaks TLS there, write imaps://; else check the port, and that the server runs"
    if security == "none" or _cause(error, ConnectionRefusedError):
        return "check host and port, that the server runs, and whether it speaks TLS there (imaps:// or imap://)"
    if isinstance(error, ConnectionLost):
        return f"check that it speaks TLS there (imaps:// or imap+starttls://); if it wants a certificate, {_OURS}"
    return "check the port, that the server runs, and whether it speaks TLS there (imaps:// or imap+starttls://)"


def _handshake(error: ImapProblem, name: str) -> tuple[str, str] | None:
    cause = _cause(error, ssl.SSLError)
    if isinstance(cause, ssl.SSLCertVerificationError):
        what, mend = _CERTIFICATES.get(cause.verify_code, (f"its certificate: {cause.verify_message}", _AUTHORITY))
        return (f"{what} than {name!r}" if mend is _NAME else f"{what} ({cause.verify_message})"), mend
    return _HANDSHAKES.get(cause.reason or "") if isinstance(cause, ssl.SSLError) else None


def _cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    return next((each for each in _causes(error) if isinstance(each, kind)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def no_login(location: Location, error: ImapProblem) -> AdapterProblem:
    """The server was reached, and lets us not in."""
    who, mechanism = location.credentials, location.credentials.mechanism
    if not isinstance(error, LoginRefused):
        found = _handshake(error, location.endpoint.certified_name)
        text, mend = found or (str(error), LOG)
        return _masked(location, f"{location}: logging in failed: {text}", mend)
    if "certificate" in error.text.lower():
        mend = _OURS
    elif "offered here" in error.text:
        mend = (
            "take one of these for -O server.authentication=…; behind TLS (imap+starttls://, imaps://) it may be more"
        )
    elif who.token:
        mend = f"check the user, and get a fresh token with the rights for IMAP into {TOKEN_VARIABLE}"
    elif mechanism == "EXTERNAL":
        mend = "check that the certificate is that of the user"
    else:
        mend = "check user and password; a / : ? # % in a URL is written %2F %3A %3F %23 %25"
        mend += "; if both are right, another -O server.authentication may be meant for this user"
    return _masked(location, f"{location} refuses the login of {who.user!r}: {error.text}", mend)


def failed(location: Location, error: ImapProblem) -> AdapterProblem:
    """Something else that the server did not do."""
    return _masked(location, f"{location}: {error}", LOG)


def _masked(location: Location, text: str, mend: str) -> AdapterProblem:
    """A server may say again what it was told, a secret too."""
    secrets = spellings([location.credentials.password, location.credentials.token])
    return AdapterProblem(without(text, secrets), mend)
