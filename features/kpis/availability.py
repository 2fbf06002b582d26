"""The KPI catalogue: every KPI declared once, as data; outputs take name, unit and meaning from here."""

from __future__ import annotations

from functools import partial

import pandas as pd

from ..case_log.cache import compute_once
from ..case_log.contents import inspect_table
from ..case_log.log import CaseLog
from ..cases.facts import inspect_events
from ..errors import InputError, did_you_mean
from .catalogue import KPI_ENTRIES, Kpi, find_kpi
from .formulas import KPI_FORMULAS

#: Every KPI by name, in the order in which outputs show them.
KPI_CATALOGUE: dict[str, Kpi] = {kpi.name: kpi for kpi in KPI_ENTRIES}


def availability(log: CaseLog, calendar: str | None = None) -> pd.DataFrame:
    """List the KPIs that are available from a log, and what the others lack.

    Parameters
    ----------
    log
        Any log.
    calendar
        Name of the calendar of business time, where the log has several.

    Returns
    -------
    DataFrame
        One row a KPI of the catalogue: kpi, available (the log has what it needs), computed (deskcast computes it),
        missing_data (in words, empty where nothing is lacking), unit, better (``higher``, ``lower`` or empty),
        definition.

    Examples
    --------
    >>> import pandas as pd
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]}))
    >>> table = availability(log).set_index("kpi")
    >>> bool(table.loc["cases_opened", "available"]), table.loc["service_level", "missing_data"]
    (True, 'needs contacts or volumes')
    """
    lack = {kpi: describe_missing_data(log, kpi, calendar) for kpi in KPI_CATALOGUE}
    rows = [
        (name, not lack[name], kpi.name in KPI_FORMULAS, lack[name], kpi.unit, kpi.better, kpi.definition)
        for name, kpi in KPI_CATALOGUE.items()
    ]
    words = ["missing_data", "unit", "better", "definition"]
    table = pd.DataFrame(rows, columns=["kpi", "available", "computed", *words])
    return table.astype(dict.fromkeys(["kpi", *words], "str"))


def describe_missing_data(log: CaseLog, name: str, calendar: str | None = None) -> str:
    """Describe what a log lacks for a KPI of the catalogue; nothing where it has all.

    ``calendar`` is the one that counts where the log has several.

    >>> import pandas as pd
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]}))
    >>> describe_missing_data(log, "backlog")
    'needs events'
    """
    kpi = find_kpi(name)
    if kpi is None:
        raise InputError(
            "unknown KPI",
            column="kpi",
            got=name,
            hint=did_you_mean(name, tuple(KPI_CATALOGUE)),
            code="kpi.unknown",
        )
    tables = [need.replace("|", " or ") for need in kpi.needs if not any(log.has(t) for t in need.split("|"))]
    if tables:
        return "needs " + _and(tables)
    needs = [_of_table(log, need) for need in kpi.columns]
    columns = [_in_words(n) for n in dict.fromkeys(needs) if not compute_once(log, n, partial(_holds, log, n))]
    if columns:
        return "needs " + _and(columns)
    if kpi.kinds and not inspect_events(log).kinds & set(kpi.kinds):
        return f"needs events of the kind {' or '.join(kpi.kinds)}"
    if kpi.calendar and not log.calendars:
        return "needs a calendar"
    if kpi.calendar and len(log.calendars) > 1 and calendar is None:
        return f"needs the name of the calendar that counts: {' or '.join(log.calendars)}"
    return ""


def _of_table(log: CaseLog, need: str) -> str:
    """Return the one of ``a.x|b.y`` whose table the log has, the first where it has several."""
    parts = need.split("|")
    return next((p for p in parts if log.has(p.partition(".")[0])), parts[0])


def _holds(log: CaseLog, need: str) -> bool:
    """Return whether ``table.column`` has values, or ``table.column=value`` that value."""
    table, _, column = need.partition(".")
    column, _, value = column.partition("=")
    if not log.has(table, column):
        return False
    if not value:
        return inspect_table(log, table).known[column] > 0
    return bool((log.table(table)[column] == value).any().execute() or False)


def _in_words(need: str) -> str:
    table, _, column = need.partition(".")
    column, _, value = column.partition("=")
    return f"{table} of the {column} {value}" if value else f"column {column} of {table}"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def format_catalogue_page() -> str:
    """Return the catalogue as a page in Markdown: name, unit, what is better, what it needs and what it means.

    >>> format_catalogue_page().splitlines()[0]
    '# The KPIs'
    """
    lines = [
        "# The KPIs",
        "",
        "Written by `deskcast.features.kpis.availability.format_catalogue_page()` from `features/kpis/catalogue.py`;",
        "`deskcast history --list` says which of them a log can give, and what the others need.",
        "",
        "A count, a share or a median stands in `value`, its denominator in `n`. Shares and means come with a 95 %",
        "interval, durations with median, 90th percentile and a mean up to the horizon that is named, all from",
        "Kaplan-Meier over open and finished cases. What a limit says in a name can be said otherwise:",
        "`responded_within_4h`, `service_level_60s`.",
        "",
        "| KPI | unit | better | needs | definition |",
        "|---|---|---|---|---|",
    ]
    for kpi in KPI_CATALOGUE.values():
        needs = [need.replace("|", " or ") for need in kpi.needs] + [
            _in_words(c.partition("|")[0]) for c in kpi.columns
        ]
        needs += [f"events `{'` or `'.join(kpi.kinds)}`"] if kpi.kinds else []
        needs += ["a calendar"] if kpi.calendar else []
        better = kpi.better or "-"
        lines.append(f"| `{kpi.name}` | {kpi.unit} | {better} | {', '.join(needs)} | {kpi.definition} |")
    return "\n".join(lines) + "\n"
