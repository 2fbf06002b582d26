"""The page on an address of this machine, until it is interrupted."""

from __future__ import annotations

import socket
from collections.abc import Callable

from fastapi import FastAPI

from ....features.errors import InputError


def serve(app: FastAPI, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve the page until it is interrupted.

    Parameters
    ----------
    app, host, port
        What to serve, and where.
    ready
        Called once the address is ours, before the first request.

    Raises
    ------
    InputError
        If the address is in use, not of this machine, or not ours to take.
    """
    import uvicorn

    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0].lower()
        hint = "another port: deskcast serve --port 8766"
        raise InputError(
            f"the page cannot be served here: {reason}", where=f"{host}:{port}", hint=hint, code="file.unreadable"
        ) from error
    with listener:
        ready()
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
