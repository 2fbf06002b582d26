"""A PostgreSQL server for the tests: a cluster of its own in a temporary folder, reached by a socket there.

No port is opened and nothing outlives the tests, however those end: a small process of its own waits for their end,
as it is told by a pipe that closes with them, and then stops the server and removes its folder. PostgreSQL refuses to
run as root, so root starts it as an unprivileged user; that user needs to see nothing but the temporary folder.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NEEDED = ("initdb", "pg_ctl", "postgres")
_USERS = ("postgres", "nobody")
#: Settings by which a server that is thrown away is fast.
_FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=''", "max_connections=40"]
#: What waits for the end of the tests: SIGQUIT ends a server at once.
_GUARD = """
import os, shutil, signal, sys, time
while sys.stdin.buffer.read(1):
    pass
folder = sys.argv[1]
try:
    with open(f"{folder}/data/postmaster.pid") as file:
        server = int(file.readline())
    os.kill(server, signal.SIGQUIT)
    for _ in range(500):
        os.kill(server, 0)
        time.sleep(0.02)
except (OSError, ValueError):
    pass  # it never ran, or has ended
shutil.rmtree(folder, ignore_errors=True)
"""


def why_not() -> str:
    """Say why no server can be started here, or nothing."""
    missing = [name for name in _NEEDED if binary(name) is None]
    if missing:
        return f"needs the PostgreSQL server: {', '.join(missing)} not found in PATH"
    if os.name == "posix" and os.geteuid() == 0 and _unprivileged() is None:
        return f"PostgreSQL does not run as root, and none of the users {', '.join(_USERS)} is here"
    return ""


def binary(name: str) -> str | None:
    """Return the path of a PostgreSQL program, from PATH or from where Linux distributions put it."""
    found = shutil.which(name)
    if found:
        return found
    usual = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(usual[-1]) if usual else None


@contextmanager
def server() -> Iterator[str]:
    """Start a server, give the address of its database ``postgres``, and stop it at the end."""
    folder = Path(
        tempfile.mkdtemp(prefix="pg-", dir="/tmp" if Path("/tmp").is_dir() else None)
    )  # sockets have short paths
    with _ended_with_us(folder):
        user = _unprivileged() if os.geteuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        places = ["-D", f"{folder}/data", "-U", "deskcast", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
        _run(user, "initdb", *places)
        options = " ".join(["-k", str(folder), *(f"-c {s}" for s in _FAST)])
        _run(user, "pg_ctl", "-D", f"{folder}/data", "-w", "-t", "60", "-l", f"{folder}/log", "-o", options, "start")
        yield f"postgresql://deskcast@/postgres?host={folder}"


def restart(uri: str, mode: str) -> None:
    """End a server of these tests, ``fast`` or ``immediate`` as pg_ctl has it, and start it anew."""
    folder, user = uri.split("host=")[1], _unprivileged() if os.geteuid() == 0 else None
    _run(user, "pg_ctl", "-D", f"{folder}/data", "-w", "-t", "60", "-l", f"{folder}/log", "-m", mode, "restart")


@contextmanager
def _ended_with_us(folder: Path) -> Iterator[None]:
    """Stop the server of a folder and remove the folder when the block ends, or this process by whatever means."""
    reading, alive = os.pipe()
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _GUARD, str(folder)],
        stdin=reading,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a signal to the whole group of the tests does not end it too
        cwd="/",
    )
    os.close(reading)
    try:
        yield
    finally:
        os.close(alive)
        guard.wait(timeout=60)


def _unprivileged() -> str | None:
    for name in _USERS:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return None


def _run(user: str | None, program: str, *arguments: str) -> None:
    command = [str(binary(program)), *arguments]
    group = pwd.getpwnam(user).pw_gid if user else None
    with tempfile.TemporaryFile() as said:  # a pipe would be kept open by the server
        done = subprocess.run(
            command, user=user, group=group, cwd="/", stdout=said, stderr=said, stdin=subprocess.DEVNULL, timeout=120
        )
        if done.returncode:
            said.seek(0)
            raise RuntimeError(f"{program} failed: {said.read().decode(errors='replace')}")
