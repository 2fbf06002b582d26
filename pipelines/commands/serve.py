"""What ``deskcast serve`` does."""

from __future__ import annotations

import sys
from pathlib import Path


def serve_page(config: Path, host: str, port: int) -> None:
    """Serve the web page until it is ended; warn where others than this machine reach it."""
    from ..pages.web import is_loopback, make_app, serve
    from ..pages.web.access import Access
    from ..pages.web.session import User
    from ..project.config import load_config
    from .options import find_user
    from .run import report_title
    from .terminal import print_line

    spec = load_config(config)
    page = make_app(
        spec.results_folder,
        title=report_title(spec),
        timezone=spec.timezone,
        host=host,
        place=spec.state_place,
        access=Access(User(find_user(), "admin")),
    )
    if not is_loopback(host):
        warning = f"everybody who reaches {host}:{port} can read cases and names: the page asks for no password"
        sys.stderr.write(f"deskcast: warning: {warning}\n")
    shown = f"[{host}]" if ":" in host else host
    serve(page, host, port, lambda: print_line(f"The page is at http://{shown}:{port} (end with Ctrl+C)."))
