"""The sections of a ``deskcast.toml``, each guess with a comment that says what it was based on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...features.case_log.schema import DECIDED_VALUE
from ...features.durations import format_duration
from ...features.readers.databases import remove_password
from ...features.readers.many_files import shorten_to_pattern
from ...features.recognise.recognise import Recognised
from ...features.sources.due_columns import CASE_DUES
from .configuration_values import write_duration, write_path, write_sentence, write_text
from .due_section import due_lines
from .guesses import Arrivals, OpeningHours, suggest_freq, suggest_target

#: Columns that no line mentions are named up to this many.
_MAX_LEFT_OUT = 12


@dataclass(frozen=True)
class Facts:
    """What the sections are written from: the exports as recognised, their tables, and what the arrivals suggest."""

    seen: tuple[Recognised, ...]
    timezone: str
    tables: Mapping[str, pd.DataFrame]
    arrivals: Arrivals | None
    since: str | None
    until: str | None
    hours: OpeningHours | None
    stated: tuple[str, ...] = ()


def passed_over_lines(passed_over: Sequence[tuple[str, str]]) -> list[str]:
    """Name the files that are no source, each with the reason."""
    if not passed_over:
        return []
    return ["#", "# Passed over:", *[f"#   {name}: {why}" for name, why in passed_over]]


def timezone_lines(facts: Facts) -> list[str]:
    """Write the section of the clock of the desk."""
    why = next((s.why["timezone"] for s in facts.seen if s.timezone), "")
    if why:
        return [
            f"# The desk's clock: {why}.",
            "# Is the clock time as written the local one of another place? Name that, and set ignore_offset = true.",
            f"timezone = {write_text(facts.timezone)}",
            "",
        ]
    lost = next((s.why["timezone"] for s in facts.seen if "timezone" in s.why), "the export does not say its zone")
    return [
        f"# The desk's clock: {lost}. With UTC the clock is taken as written, without summer time;",
        "# put the desk's own zone here, such as 'Europe/Lisbon' or 'America/New_York'.",
        f"timezone = {write_text(facts.timezone)}",
        "",
    ]


def source_lines(name: str, seen: Recognised, facts: Facts, folder: Path) -> list[str]:
    """Write the section of one source."""
    raw = seen.raw
    size = f"{len(raw.frame):,} rows and {len(raw.frame.columns)} columns"
    form = f", {raw.encoding}, divided by {raw.delimiter!r}" if raw.delimiter else f", {raw.container or 'Parquet'}"
    shape = {"arrivals": "a bare list of arrivals", "event log": "an event log", "audit log": "an audit log"}
    said = shape.get(
        seen.shape, f"an {seen.shape}" if seen.shape.startswith(("export", "interval")) else f"a {seen.shape}"
    )
    lines = [f"[source.{name}]", f"# Seems to be {said}: {size}{form}."]
    lines += [f"# {write_sentence(seen.why[key])}" for key in ("table", "kind", "reading") if key in seen.why]
    if name != seen.table and not (seen.database and seen.sheet):
        lines.append(f"table = {write_text(seen.table)}")
    lines.append(f"kind = {write_text(seen.kind)}")
    if seen.parts:
        files = ", ".join(f"{n} = {write_text(write_path(p, folder))}" for n, p in seen.parts.items())
        lines.append(f"parts = {{ {files} }}  # its tables; also: path = a folder, or database = 'postgresql://...'")
    elif seen.database:
        lines += _database_lines(seen.database)
        lines += [f"table = {write_text(seen.sheet)}"] if seen.sheet else []
    elif seen.files:
        pattern = shorten_to_pattern(seen.files)
        lines.append(f"# {len(seen.files)} files of one form; of several rows of a case the newest counts.")
        several = [write_text(write_path(p, folder)) for p in ([Path(pattern)] if pattern else seen.files)]
        lines.append(f"path = {several[0]}" if pattern else f"path = [{', '.join(several)}]")
    else:
        lines.append(f"path = {write_text(write_path(seen.path, folder))}")
    if seen.sheets:
        lines.append(f"# {len(seen.sheets)} sheets of one form are one table, with a further column 'sheet'.")
        lines.append(f"sheet = [{', '.join(map(write_text, seen.sheets))}]")
    elif seen.sheet and not seen.database:
        lines.append(f"sheet = {write_text(seen.sheet)}")
    if raw.doubt:
        fits = "; ".join(f"{encoding} reads {words}" for encoding, words in raw.doubt)
        lines.append(f"encoding = {write_text(raw.doubt[0][0])}  # the words fit several, look at it: {fits}")
    if seen.date_format:
        lines.append(f"date_format = {write_text(seen.date_format)}  # {seen.why.get('date_format', '')}")
    elif "date_format" in seen.why:
        lines.append(f"# date_format = '%d/%m/%Y %H:%M'  # {seen.why['date_format']}")
    if seen.slot_s:
        lines.append(f"slot = {write_text(write_duration(seen.slot_s))}  # {seen.why.get('slot', '')}")
    lines += _options(seen)
    if seen.timezone and not seen.shape.startswith("export"):
        lines.append("ignore_offset = false")
    lines += [f"# {write_sentence(said)}" for said in seen.notes]
    lines += _cut(seen, facts)
    if seen.shape == "audit log":
        lines += (
            [f"# Not read, as they give the end of a case away: {', '.join(seen.leakage)}."] if seen.leakage else []
        )
        lines += ["# Another column for a name: add [source.cases.columns] with, say, product = 'subcategory'."]
    lines += _mapping(name, seen)
    return [*lines, ""]


def _database_lines(uri: str) -> list[str]:
    """Write the address of a database, and never its password."""
    plain = remove_password(uri)
    if plain == uri:
        return [f"database = {write_text(uri)}"]
    own = "MYSQL_PWD or ~/.my.cnf" if uri.startswith(("mysql", "mariadb")) else "PGPASSWORD or ~/.pgpass"
    return [f"# The password is not written here: it is read from {own}.", f"database = {write_text(plain)}"]


def _options(seen: Recognised) -> list[str]:
    """Write what else a source of counts says of its rows."""
    names = {"labels": "labels", "across": "across", "first": "first", "target_s": "target"}
    return [
        f"{key} = {write_text(write_duration(seen.options[name]) if name == 'target_s' else str(seen.options[name]))}"
        for name, key in names.items()
        if name in seen.options
    ]


def _cut(seen: Recognised, facts: Facts) -> list[str]:
    if seen.table not in ("cases", "events"):
        return []
    lines = []
    if facts.since:
        lines.append(
            "# Before this day hardly anything was opened: old cases that were still alive when the extract begins."
        )
        lines.append(f"since = {write_text(facts.since)}")
    if facts.until:
        lines.append(
            "# From this day on hardly anything was opened: the end of the extract. The log is read as it stood then,"
        )
        lines.append("# so that cases which were open then are ranked. Take the line out to read everything.")
        lines.append(f"until = {write_text(facts.until)}")
    return lines


def _mapping(name: str, seen: Recognised) -> list[str]:
    lines: list[str] = []
    if seen.columns:
        lines += ["", f"[source.{name}.columns]  # our name = the file's name"]
        for ours, theirs in seen.columns.items():
            why = seen.why.get(ours, "") if ours in ("case_id", "created_at", "y", "csat") else ""
            many = f"{seen.segments[ours]:,} values" if ours in seen.segments else ""
            note = "  # " + "; ".join(filter(None, (why, many))) if why or many else ""
            lines.append(f"{ours} = {write_text(theirs)}{note}")
        lines += _missing_ids(seen)
    if seen.figures:
        lines += [
            "",
            f"[source.{name}.figures]  # the system's own figures: never features; 'deskcast check' compares ours",
        ]
        lines += [f"{figure} = {write_text(column)}" for figure, column in seen.figures.items()]
    if seen.units:
        reckoned = seen.table == "cases" and not set(seen.units) <= set(seen.figures.values())
        what = "durations that are added to the opening" if reckoned else "units of the durations"
        lines += ["", f"[source.{name}.units]  # {what}: ms, s, min, h or d"]
        lines += [f"{write_text(column)} = {write_text(unit)}" for column, unit in seen.units.items()]
    if seen.kinds:
        lines += ["", f"[source.{name}.kinds]  # activity = what it means; {seen.why.get('kinds', '')}"]
        lines += [f"{write_text(a)} = {write_text(k)}" for a, k in seen.kinds.items()]
    dues = [c for role, c in seen.columns.items() if role in CASE_DUES and " + " not in c]
    if seen.attributes or dues:
        lines += ["", f"[source.{name}.attributes]  # when each is known: creation, event or outcome (never a feature)"]
        lines.append("# 'outcome' is the careful guess: say 'creation' for what is known when the case is opened.")
        for column, known in seen.attributes.items():
            late = "  # seems to be known only at the end" if column in seen.leakage else ""
            lines.append(f"{write_text(column)} = {write_text(known)}{late}")
        if dues:
            lines.append(
                "# In a finished case a due time may hold pauses: 'creation' if it is set at once and never moved."
            )
        lines += [f'{write_text(column)} = "outcome"' for column in dues]
    return [*lines, *_left_out(seen)]


def _left_out(seen: Recognised) -> list[str]:
    """Name the columns of a case table that no line mentions."""
    if seen.table != "cases" or seen.kind != "table":
        return []
    named = {part.strip() for source in seen.columns.values() for part in (source, *source.split(" + "))}
    named |= {*seen.attributes, *seen.figures.values(), *seen.units}
    rest = [str(column) for column in seen.raw.frame if str(column) not in named]
    if not rest:
        return []
    more = f" and {len(rest) - _MAX_LEFT_OUT} more" if len(rest) > _MAX_LEFT_OUT else ""
    shown = ", ".join(map(write_text, rest[:_MAX_LEFT_OUT]))
    return [f"# Columns that no line mentions (long, alike in all rows, different in most, or times): {shown}{more}."]


def _missing_ids(seen: Recognised) -> list[str]:
    column = seen.columns.get("case_id")
    if column is None or column not in seen.raw.frame:
        return []
    lost = float(seen.raw.frame[column].isin(["", "?"]).mean())
    if lost < 0.001:
        return []
    return [
        f"# {lost:.1%} of the rows have no {column} and are refused; without the line case_id the rows are numbered."
    ]


def calendar_lines(facts: Facts) -> list[str]:
    """Write the section of opening hours, where the arrivals show closed nights or days."""
    hours = facts.hours
    if hours is None:
        return []
    days = ", ".join(f"{d} = {json.dumps(h)}" for d, h in hours.open.items())
    lines = [
        "[calendar.desk]",
        f"# Opening hours as the arrivals suggest them: {1 - hours.outside:.1%} of them are inside.",
        f"timezone = {write_text(facts.timezone)}",
        f"open = {{ {days} }}",
    ]
    if hours.closed:
        lines.append(
            '# Open weekdays on which nothing arrived; a country such as "PT" instead brings the holidays to come.'
        )
        lines.append(f"holidays = {json.dumps(list(hours.closed))}")
    else:
        lines.append('# holidays = "PT"  # a country, and/or a list of dates')
    return [*lines, ""]


def history_lines(facts: Facts) -> list[str]:
    """Write the section of the history and its segments."""
    by = _segments(facts)
    slot_s = facts.arrivals.slot_s if facts.arrivals is not None else None
    freq = "W" if slot_s and slot_s > 86400 else "D"  # a period holds whole intervals of the export
    lines = ["[history]", f'freq = "{freq}"']
    if by:
        said = ", ".join(f"{c} ({n})" for c, n in by.items())
        lines.append(f"# Segments with few values, and how many: {said}.")
        lines.append(f"by = {json.dumps(list(by))}")
    else:
        lines.append('# by = ["channel"]  # no column with 2 to 12 values was recognised as a segment')
    return [*lines, ""]


def _segments(facts: Facts) -> dict[str, int]:
    """Return up to three segments with 2 to 12 values of which none has nearly everything."""
    cases = facts.tables.get("cases", facts.tables.get("contacts"))
    found: dict[str, int] = {}
    if cases is None and "volumes" in facts.tables:
        series = facts.tables["volumes"]["unique_id"].nunique()
        return {"unique_id": series} if 2 <= series <= 12 else {}
    for column in ("channel", "product", "region", "team", "priority", "case_type"):
        if cases is None or column not in cases:
            continue
        shares = cases[column].value_counts(normalize=True)
        if 2 <= len(shares) <= 12 and shares.iloc[0] < 0.98 and cases[column].isna().mean() < 0.5:
            found[column] = len(shares)
    return dict(list(found.items())[:3])


def forecast_lines(facts: Facts) -> list[str]:
    """Write the section of what is forecast."""
    arrivals = facts.arrivals
    if arrivals is None:
        return []
    freq = suggest_freq(arrivals.slot_s) if arrivals.slot_s else "D"
    days = arrivals.days
    ahead = 28 if days >= 365 else 14 if days >= 120 else 7
    per_week = {"D": 7, "W": 1, "h": 168}.get(freq, 0) or round(7 * 1440 / int(freq.removesuffix("min") or 1))
    horizon = ahead if freq == "D" else 8 if freq == "W" else per_week
    span = horizon / per_week * 7
    windows = int(min(12, max(2, days // span - 4)))
    lines = ["[forecast]", f'freq = "{freq}"']
    if arrivals.slot_s and arrivals.slot_s < 900:
        lines[-1] += f"  # the intervals of {format_duration(arrivals.slot_s)} are joined"
    lines.append(
        f"horizon = {horizon}  # time steps ahead: {format_duration(span * 86400)}, as there are {days:,} days of data"
    )
    lines.append(f"windows = {windows}  # past dates on which the forecast is tested")
    if facts.hours is not None and facts.hours.outside < 0.005:
        lines.append('calendar = "desk"  # nothing is expected outside its hours')
    lines.append('# holidays = "PT"  # days that are open but different')
    return [*lines, ""]


def sla_lines(facts: Facts) -> list[str]:
    """Write the section of the promise, as the export or the past suggests it."""
    if any(s.shape == "audit log" and "made_sla" in s.raw.frame for s in facts.seen):
        return [
            "[[sla]]",
            "# The exporting system decides: its flag made_sla, as it stands when the case is closed.",
            'metric = "made_sla"',
            'clock = "source"',
            "",
        ]
    if "sla_policies" in facts.tables:
        return []
    flags = _flags(facts)
    dues = due_lines(facts.tables, flags)
    if flags:
        lines = ["# The source system decides on its own SLAs: when one is met or breached, or at closing."]
        return (
            lines
            + [line for f in flags for line in ("[[sla]]", f"metric = {write_text(f)}", 'clock = "source"', "")]
            + dues
        )
    if dues:
        return dues
    suggested = suggest_target(facts.tables)
    if suggested is None:
        return []
    target, done = suggested
    return [
        "[[sla]]",
        f"# A suggestion: about three quarters of {done:,} finished cases took no longer than this.",
        '# Put your SLA target here; one [[sla]] per priority where they differ (priority = "1").',
        'metric = "resolution"',
        f"target = {write_text(write_duration(target))}",
        'clock = "calendar"',
        *_preset_lines(facts),
        "",
    ]


def _preset_lines(facts: Facts) -> list[str]:
    """Name the preset of the system that the export comes from, where there is one."""
    from ...features.sla.presets import PRESETS

    system = next((s.kind for s in facts.seen if s.kind and s.kind in PRESETS), None)
    if system is None:
        return []
    return [
        f"# preset = {write_text(system)}  # pauses, re-openings and changes of priority as that system treats them"
    ]


def _flags(facts: Facts) -> list[str]:
    """Return the promises that an export brings with it, where something decides them: the system, or a closing."""
    events = facts.tables.get("events")
    if events is None:
        return []
    closing = bool((events["kind"] == "closed").any())
    marks = events[(events["kind"] == "field") & events["new"].isin(["true", "false"] if closing else [DECIDED_VALUE])]
    return sorted(marks["field"].dropna().unique())[:4]


def stated_lines(facts: Facts) -> list[str]:
    """Write the system's own settings, to be taken over where they hold for the past as well."""
    if not facts.stated:
        return []
    head = "# What the system itself keeps, as it is today; take the signs # away to use it (one [[sla]] each)."
    return [head, *[f"# {line}" if line else "#" for line in facts.stated], ""]


def last_lines() -> list[str]:
    """Write the section of when cases are looked at, and where results go."""
    return [
        "[risk]",
        'at = "08:00"  # hour at which the list is read, local time',
        "top = 10",
        "",
        "[tracking]",
        'uri = "sqlite:///mlflow.db"',
        'experiment = "deskcast"',
        "",
        "[results]",
        'path = "results"',
    ]
