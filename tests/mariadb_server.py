"""A MariaDB server for the tests: a data folder of its own in a temporary place, reached by a socket there.

As with the PostgreSQL server of the tests, no port is opened and nothing outlives them, however those end.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postgres import _ended_with_us as ended_with_us

#: Settings by which a server that is thrown away is small and fast; invalid dates are kept, as old servers keep them.
_SMALL = (
    "--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--skip-log-bin",
    "--sql-mode=", "--default-time-zone=+02:00",
)  # fmt: skip
_STARTS_IN_S = 60


def why_not() -> str:
    """Say why no server can be started here, or nothing."""
    missing = [name for name in ("mariadbd", "mariadb-install-db") if binary(name) is None]
    return f"needs a MariaDB server (Debian: mariadb-server): {', '.join(missing)} not found in PATH" if missing else ""


def binary(name: str) -> str | None:
    """Return the path of a program, from PATH or from where Linux distributions put it."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/libexec")


@contextmanager
def server() -> Iterator[str]:
    """Start a server, give the address of its administrator, and stop it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="my-", dir="/tmp" if Path("/tmp").is_dir() else None))
    with ended_with_us(folder):
        program = str(binary("mariadbd"))
        base = Path(program).resolve().parent.parent
        user = f"--user={'root' if os.geteuid() == 0 else os.environ.get('USER', 'nobody')}"
        install = [str(binary("mariadb-install-db")), "--no-defaults", f"--basedir={base}", f"--datadir={folder}/data",
                   user, "--auth-root-authentication-method=normal", "--skip-test-db"]  # fmt: skip
        done = subprocess.run(install, capture_output=True, text=True, timeout=120, check=False, cwd="/")
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db failed: {done.stdout[-500:]} {done.stderr[-500:]}")
        with (folder / "log").open("wb") as log:
            running = subprocess.Popen(
                [program, "--no-defaults", f"--basedir={base}", f"--datadir={folder}/data", f"--socket={folder}/s",
                 f"--pid-file={folder}/data/postmaster.pid", user, *_SMALL],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
            )  # fmt: skip
        _wait(folder, running)
        yield f"mysql://root@localhost/mysql?unix_socket={folder}/s"


def _wait(folder: Path, running: "subprocess.Popen[bytes]") -> None:
    import pymysql

    end = time.monotonic() + _STARTS_IN_S
    while True:
        try:
            pymysql.connect(user="root", unix_socket=f"{folder}/s").close()
            return
        except pymysql.MySQLError as error:
            if running.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / "log").read_text(errors="replace")[-1500:]) from error
            time.sleep(0.1)
