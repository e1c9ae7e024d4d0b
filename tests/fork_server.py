"""`python server.py` without its second of imports: all that it imports is here already, and each server is a fork.

`tests.forked` sends requests through standard input; with it this process ends.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

import uvloop  # noqa: F401  which uvicorn imports when it begins to serve

import commands  # noqa: F401
import models.postgres  # this or the other is imported by Tortoise
import models.sqlite  # noqa: F401
import server
from settings import Settings


def main() -> None:
    """Fork into a server for each request."""
    requests = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers end unnoticed
    server.create_app(Settings(base_url="https://admit.test", secret_key="x" * 40))  # the schema is made once, and kept
    gc.collect()
    gc.freeze()
    while True:
        request, files, *_ = socket.recv_fds(requests, 1 << 20, 3)
        if not request:
            return
        if os.fork() == 0:
            requests.close()
            keep(json.loads(request), *files)
            return
        for file in files:
            os.close(file)


def keep(given: dict[str, Any], told: int, printed: int, complained: int) -> None:
    """Be the parent of the server, which alone learns how it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = os.fork()
    if process == 0:
        os.close(told)
        become(given, printed, complained)
        return
    with suppress(OSError):  # whoever asked may be gone
        os.write(told, b"%d\n" % process)
        _, status = os.waitpid(process, 0)
        os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def become(given: dict[str, Any], printed: int, complained: int) -> None:
    """Run server.py as a process that Python has just begun would."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, printed, complained)):
        os.dup2(file, number)
        os.close(file)
    os.chdir(given["folder"])
    os.environ.clear()
    os.environ.update(given["environment"])
    sys.argv = given["command"]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
