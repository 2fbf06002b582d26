"""The report: one HTML file that opens with what a manager asks, and asks nothing of any network."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from ..charts.palette import dark_style
from ..stage import Stage
from ..store.atomic_replace import replace_file
from ..words.columns import table_title
from ..words.instants import MAX_DATA_AGE, Instants, find_data_age, format_instants
from .sections import SECTION_TITLES, build_sections
from .today import summarise_today


def write_report(
    stages: Sequence[Stage],
    path: str | Path,
    *,
    title: str,
    made_at: datetime,
    version: str,
    timezone: str = "UTC",
    instants: Instants | None = None,
    full: bool = False,
) -> None:
    """Write the report as one self-contained HTML file, whole or not at all.

    Parameters
    ----------
    stages
        Outcomes of a run. Stages that are missing are left out; those that were skipped say why.
    path
        The HTML file.
    title
        Whose report it is.
    made_at, version
        When and by which version the run was made.
    timezone
        Clock of all times.
    instants
        To which instant the data reach, which was looked at, and when it was computed.
    full
        Whether all tables and pictures are shown; by default it is one to four printed pages.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    more: dict[str, Any] = {"timezone": timezone, "instants": instants, "full": full}
    page = render_report(stages, title=title, made_at=made_at, version=version, **more)
    with replace_file(Path(path)) as aside:
        aside.write_text(page, encoding="utf-8")


def render_report(
    stages: Sequence[Stage],
    *,
    title: str,
    made_at: datetime,
    version: str,
    timezone: str = "UTC",
    served: bool = False,
    instants: Instants | None = None,
    full: bool = False,
) -> str:
    """Return the report as HTML; see :func:`write_report`.

    Parameters
    ----------
    served
        True where a server gives whole tables under addresses of their own.
    """
    year = made_at.year if instants is None else instants.as_of.tz_convert(timezone).year
    today = summarise_today({stage.name: stage for stage in stages}, timezone, year)
    page: str = template("report.html").render(
        title=title,
        made_at=f"{made_at:%A, %d %B %Y, %H:%M} {made_at.tzname() or ''}".strip(),
        instants="" if instants is None else format_instants(instants, timezone),
        age=find_data_age(instants).days if instants and find_data_age(instants) > MAX_DATA_AGE else 0,
        version=version,
        today=today,
        sections=build_sections(stages, today.used, timezone, year, full),
        skipped=[(SECTION_TITLES.get(s.name, s.name.capitalize()), s.skipped) for s in stages if s.skipped],
        tables=[(table_title(n), n, len(t)) for s in stages for n, t in s.tables.items() if not n.endswith("_figures")],
        served=served,
        full=full,
        style=f"{asset('style.css')}\n@media screen and (prefers-color-scheme: dark) {{\n{dark_style()}\n}}",
    )
    return page


@cache
def asset(name: str) -> str:
    """Return the text of a file beside the templates."""
    from importlib.resources import files

    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


@cache
def template(name: str) -> Any:
    """Return a template; every value in it is escaped."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    room = Environment(
        autoescape=True, loader=FunctionLoader(asset), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return room.get_template(name)
