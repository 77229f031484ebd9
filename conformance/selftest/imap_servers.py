"""Servers for the tests of the IMAP binding: a scripted socket, and a private Dovecot where one is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from conformance.imap.endpoint import Credentials, Endpoint
from conformance.imap.errors import ConnectionLost
from conformance.imap.wire import WireConnection

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
MBSYNC = shutil.which("mbsync")
_REQUIRED = bool(os.environ.get("CPM_REQUIRE_PROGRAMS"))
needs_dovecot = pytest.mark.skipif(not (DOVECOT or _REQUIRED), reason="no dovecot program (apt: dovecot-imapd)")
needs_mbsync = pytest.mark.skipif(not (MBSYNC or _REQUIRED), reason="no mbsync program (apt: isync)")
PASSWORD = "testpass"
Script = Callable[[socket.socket], None]

_CONFIGURATION = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
mail_fsync = never
first_valid_uid = 1
mail_max_userip_connections = 500
mail_attribute_dict = file:%h/dovecot-attributes
mail_location = sdbox:~/sdbox
{identity}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = {userdb} home={home}/home/%u
}}
protocol imap {{
  imap_metadata = yes
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@contextmanager
def scripted(script: Script) -> Iterator[Endpoint]:
    """A server that runs the script on each connection, one after the other; its sockets end with the block."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=_serve, args=(listener, script), daemon=True)
        thread.start()
        yield Endpoint("127.0.0.1", listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _serve(listener: socket.socket, script: Script) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.settimeout(5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                script(connection)
            except OSError:
                continue


@contextmanager
def dovecot() -> Iterator[Endpoint]:
    """A private Dovecot 2.3 that leaves nothing behind; every user name logs in with `PASSWORD`."""
    # Not below pytest's own folder: what that keeps to one user, Dovecot's mail user could not enter.
    with (
        tempfile.TemporaryDirectory(prefix="dovecot-", ignore_cleanup_errors=True) as home,
        _dovecot(Path(home)) as endpoint,
    ):
        yield endpoint


@contextmanager
def _dovecot(home: Path) -> Iterator[Endpoint]:
    port = _free_port()
    for name in ("run", "state", "home"):
        (home / name).mkdir()
    (home / "dovecot.conf").write_text(_configuration(home, port))
    command = [str(DOVECOT), "-F", "-c", str(home / "dovecot.conf")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for_greeting(process, Endpoint("127.0.0.1", port), home / "dovecot.log")
        yield Endpoint("127.0.0.1", port)
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(10)


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


def _configuration(home: Path, port: int) -> str:
    if os.geteuid() == 0:
        mail = pwd.getpwnam("mail")
        home.chmod(0o755)
        for name in ("home", "state"):
            os.chown(home / name, mail.pw_uid, mail.pw_gid)
        identity, userdb = "", "uid=mail gid=mail"
    else:
        me = pwd.getpwuid(os.getuid()).pw_name
        identity = f"default_internal_user = {me}\ndefault_login_user = {me}"
        userdb = f"uid={os.getuid()} gid={os.getgid()}"
    return _CONFIGURATION.format(home=home, port=port, identity=identity, userdb=userdb, password=PASSWORD)


def _wait_for_greeting(process: subprocess.Popen[bytes], endpoint: Endpoint, log: Path) -> None:
    pause = threading.Event()
    for _ in range(500):
        if process.poll() is not None:
            break
        try:
            WireConnection.open(endpoint, timeout=5).close()
        except ConnectionLost:
            pause.wait(0.02)
        else:
            return
    raise RuntimeError(f"Dovecot did not start: {log.read_text() if log.exists() else 'no log'}")


def account(user: str) -> Credentials:
    """Credentials for a user of the private Dovecot; a fresh name is a fresh account."""
    return Credentials(user, PASSWORD)
