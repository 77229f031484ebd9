"""A guardian between the suite and a private server: the server ends when told to, and also when the suite dies.

Run as a script with the number of the stopping signal, a directory and a command. It starts the command in a process
group of its own and reads its standard input. Any octet means: stop the server. The end of the input means that the
suite is gone: stop the server and remove the directory. It uses nothing but the standard library, to start quickly.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress

_STOP_SECONDS = 5.0


def main(arguments: list[str]) -> int:
    """Keep one command; returns its exit code."""
    stop_signal, directory, *command = arguments
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    orphaned = threading.Event()

    def obey() -> None:
        if not os.read(0, 1):
            orphaned.set()
        server.send_signal(int(stop_signal))
        with suppress(subprocess.TimeoutExpired):
            server.wait(_STOP_SECONDS)
        server.kill()

    threading.Thread(target=obey, daemon=True).start()
    code = server.wait()
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)  # workers that have not noticed the end of their master
    if orphaned.is_set():
        shutil.rmtree(directory, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
