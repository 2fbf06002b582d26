"""Write the reference pages from the code: commands, configuration, tables, KPIs and error codes.

Run ``python docs/generate.py`` from the root of the repository; a test holds the pages against the code.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import typer
from click import Command, Parameter
from deskcast.features.case_log.schema import TABLES, Table
from deskcast.features.durations import format_duration
from deskcast.features.kpis.availability import format_catalogue_page
from deskcast.features.refusals import REFUSALS
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.project import engine_specs, night_specs, page_specs, people_specs, record_specs, specs
from deskcast.pipelines.project.config import key_of

DOCS = Path(__file__).resolve().parent
FOLDER = DOCS / "reference"
#: Heading of each section -> its model, in the order in which a reader needs them.
SECTIONS: Mapping[str, type] = {
    "[source.NAME]": specs.SourceSection,
    "[calendar.NAME]": specs.CalendarSpec,
    "[[sla]]": specs.SlaSpec,
    "[history]": specs.HistorySpec,
    "[forecast]": specs.ForecastSpec,
    "[[event]]": specs.EventSpec,
    "[staffing.NAME]": specs.StaffingSpec,
    "[shifts.NAME]": specs.ShiftSpec,
    "[agents.NAME]": specs.AgentsSpec,
    "[risk]": specs.RiskSpec,
    "[[action]]": specs.ActionSpec,
    "[watch]": specs.WatchSpec,
    "[[goal]]": specs.GoalSpec,
    "[[advice]]": specs.AdviceSpec,
    "[tracking]": record_specs.TrackingSpec,
    "[model]": record_specs.ModelSpec,
    "[results]": night_specs.ResultsSpec,
    "[run]": night_specs.RunSpec,
    "[[alarm]]": night_specs.AlarmSpec,
    "[mail]": night_specs.MailSpec,
    "[page]": page_specs.PageSpec,
    "[serve]": page_specs.ServeSpec,
    "[[user]]": page_specs.UserSpec,
    "[state]": record_specs.StateSpec,
    "[denominators]": people_specs.DenominatorsSpec,
    "[people]": specs.PeopleSpec,
    "[[change]]": specs.ChangeSpec,
    "[plugins]": record_specs.PluginsSpec,
    "[engine]": engine_specs.EngineSpec,
}
#: What a value looks like, by the first part of its annotation that fits.
KINDS = (
    ("SomeTime", "duration"),
    ("Work", "duration"),
    ("Interval", "duration"),
    ("Shares", "share, or a table of shares"),
    ("Costs", "number, or a table of numbers"),
    ("Share", "share"),
    ("Probability", "share"),
    ("Occupancy", "share"),
    ("Count", "whole number"),
    ("Days", "whole number"),
    ("Horizon", "whole number"),
    ("Levels", "list of whole numbers"),
    ("KpiNames", "list of KPIs"),
    ("KpiName", "KPI"),
    ("ModelNames", "list of methods"),
    ("Frequency", "frequency"),
    ("Clock", "time of day"),
    ("Zone", "time zone"),
    ("str | list[str]", "text, or a list of texts"),
    ("tuple[", "list of texts"),
    ("Mapping", "table"),
    ("Annotated[str", "text"),
    ("Role", "role"),
    ("Port", "port"),
    ("Line", "text"),
    ("bool", "true or false"),
    ("float", "number"),
    ("AboveZero", "number"),
    ("From", "number"),
    ("int", "whole number"),
    ("str", "text"),
    ("Path", "path"),
)


def format_commands() -> str:
    """Return the page of commands: what each does, its arguments and options."""
    group = typer.main.get_command(app)
    lines = ["# Commands", "", NOTE, "", "Every command ends with an [exit code](exit-codes.md).", ""]
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        lines += [f"## deskcast {name}", "", _sentence(command), ""]
        lines += _rows(("argument or option", "meaning", "default"), map(_parameter, _shown(command)))
    return "\n".join(lines)


def format_configuration() -> str:
    """Return the page of the configuration: its sections with keys, kinds and defaults."""
    lines = ["# Configuration", "", NOTE, "", CONFIGURATION_HEAD, ""]
    meanings = tomllib.loads((DOCS / "keys.toml").read_text(encoding="utf-8"))
    for heading, model in SECTIONS.items():
        keys = [(_name(key), key) for key in fields(model)]
        lines += [f"## {heading}", ""]
        lines += _rows(
            ("key", "meaning", "value", "default"),
            ((f"`{name}`", meanings[heading][name], *_value(key)) for name, key in keys),
        )
    return "\n".join(lines)


def format_tables() -> str:
    """Return the page of the canonical tables: their columns and when each is known."""
    lines = ["# Canonical tables", "", NOTE, "", TABLES_HEAD, ""]
    for table in TABLES.values():
        known = f"A row is known from `{table.instant}`" if table.instant else "A row is known from the start"
        lines += [f"## {table.name}", "", f"One row is {table.meaning}. {known}; the key is {_codes(table.key)}.", ""]
        lines += _rows(("column", "kind", "required", "known from"), _columns(table))
    return "\n".join(lines)


def format_refusals() -> str:
    """Return the page of codes: what each means and how to mend it."""
    lines = ["# Error codes", "", NOTE, "", REFUSALS_HEAD, ""]
    for code, refusal in REFUSALS.items():
        lines += [f"## {code}", "", f"**{refusal.title}.** {refusal.explanation}", "", refusal.mend, ""]
    return "\n".join(lines)


NOTE = "*Written by `docs/generate.py` from the code.*"
CONFIGURATION_HEAD = """\
`deskcast.toml` is one TOML file. `deskcast init` writes it, commented; an unknown key is an error that suggests the
nearest name. `[[name]]` may stand several times. A *duration* is a text with its unit (`"20s"`, `"4h"`, `"2d"`), a
*share* a number from 0 to 1, a *frequency* one of `15min`, `30min`, `h`, `D`, `W`, `MS`. Besides the sections,
`timezone` (a name such as `"Europe/Lisbon"`) is the zone in which days and weeks are counted. Paths are seen from the
folder of the file."""
TABLES_HEAD = """\
Every export becomes one or more of these tables. Ids are texts, instants are in UTC, durations in seconds; what is
missing stays missing. Columns beyond these are kept as attributes, each with the time from which it is known:
`creation`, `event` or `outcome`. `log.as_of(t)` hides everything that was not known at `t`."""
REFUSALS_HEAD = """\
An error is one line: place, column or key, row, what is wrong, what was given, what was expected, a hint, and a code in
square brackets. The code stays the same from release to release. `deskcast check --explain CODE` prints the text of
this page."""
#: File name -> what writes it.
PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": format_commands,
    "configuration.md": format_configuration,
    "tables.md": format_tables,
    "kpis.md": format_catalogue_page,
    "codes.md": format_refusals,
}


def _shown(command: Command) -> list[Parameter]:
    return [p for p in command.params if not getattr(p, "hidden", False) and p.name != "help"]


def _sentence(command: Command) -> str:
    return _plain((command.help or "").replace("\b", "").strip())


def _parameter(parameter: Parameter) -> tuple[str, str, str]:
    names = ", ".join(parameter.opts) if parameter.param_type_name == "option" else (parameter.name or "").upper()
    default = parameter.default
    shown = "" if default in (None, False, ()) or callable(default) else f"`{default}`"
    return f"`{names}`", _plain(getattr(parameter, "help", "") or ""), shown


def _name(key: Field[Any]) -> str:
    return key_of(key.name)


def _value(key: Field[Any]) -> tuple[str, str]:
    """Return the kind of value of a key, and its default."""
    default = key.default_factory() if key.default_factory is not MISSING else key.default
    kind = "duration" if key.name.endswith("_s") else _kind(str(key.type))
    return kind, _default(default, key.name)


def _kind(annotation: str) -> str:
    return next((kind for part, kind in KINDS if part in annotation), annotation)


def _default(value: Any, name: str) -> str:
    if value is MISSING:
        return "by its kind" if name == "table" else "required"
    if value is None or value in ("", (), {}):
        return ""
    if name.endswith("_s"):
        return f"`{format_duration(value)}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _columns(table: Table) -> Iterable[tuple[str, ...]]:
    for column in table.columns:
        known = {None: "with the row", "settlement": "end of the case"}.get(column.known_by, f"`{column.known_by}`")
        yield f"`{column.name}`", column.kind, "yes" if column.required else "", known


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    cells = [tuple(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    if not cells:
        return []
    lines = [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *cells)]
    return [*lines, ""]


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _plain(text: str) -> str:
    """Return a docstring as Markdown: one code mark for two, and no indentation."""
    text = re.sub(r"\n +", "\n", text.strip())
    return re.sub(r":\w+:`([^`]+)`", r"`\1`", text.replace("``", "`").replace("\\[", "["))


if __name__ == "__main__":
    for file, write in PAGES.items():
        (FOLDER / file).write_text(write().rstrip("\n") + "\n", encoding="utf-8")
