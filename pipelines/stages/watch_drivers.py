"""Why something shifted: the combination of segments that moved, and who left or what was new at the time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ...features.case_log.log import CaseLog
from ...features.errors import InputError
from ...features.kpis.kpi_history import kpi_history
from ...features.kpis.view import Limits
from ...models.drivers.attribution import DRIVER_COLUMNS, farthest_days, sum_by_segment, weeks_before
from ...models.drivers.causes import find_new_values, find_owner_changes
from ...models.drivers.combinations import estimate_case_sd, search_combinations
from ...models.series.kpi_kinds import infer_kpi_kind
from ...models.shifts.grouping import VOLUME_KPIS

Segment = Mapping[str, str]

#: More combinations of columns than this many columns hold are not searched.
MAX_COLUMNS = 4
_LOOKBACK = pd.Timedelta(days=70)
_VERSION = re.compile(r"version|release|form|article|template|build", re.IGNORECASE)
_MIN_MOVED_SHARE = 0.1  # share of a segment's work that must have changed hands to be told as a cause
#: Days around a start in which the last piece of work of an owner may lie.
CAUSE_WINDOW = pd.Timedelta(days=21)
#: By so much may a cause seem to follow its effect: shifts are dated roughly.
MAX_CAUSE_DELAY = pd.Timedelta(days=10)
_WORK_SPAN = pd.Timedelta(days=28)  # of work before and after a start that is compared
_SIDE_COLUMNS = ("n_before", "n_after", "numerator_before", "numerator_after")


@dataclass(frozen=True)
class ChangeExplanation:
    """What moved an alarm: the segment, the strongest drivers as a table, and the same in words."""

    segment: Segment
    drivers: pd.DataFrame
    words: str


@dataclass(frozen=True)
class Causes:
    """Possible causes in words, and when the owner of the first did the last piece of work, on the desk's clock."""

    words: str
    last_work_at: pd.Timestamp | None = None


@dataclass
class Explainer:
    """Answers why, with each KPI fetched once.

    Attributes
    ----------
    log
        The case log.
    by
        Columns that are split by.
    since
        Nothing before this day is needed of people's work.
    limits
        Limits that the configuration counts with: what is explained must be what was watched.
    """

    log: CaseLog
    by: Sequence[str]
    since: pd.Timestamp
    limits: Limits | None = None
    _cells: dict[str, pd.DataFrame | None] = field(default_factory=dict)
    _work: pd.DataFrame | None = None
    _changes: dict[tuple[pd.Timestamp, str], pd.DataFrame] = field(default_factory=dict)

    def why(self, row: Any) -> ChangeExplanation:
        """Return the segment that moved.

        The whole desk is searched first: a region that moved may owe it to one product in it. Where nothing stands
        out there, the series itself is searched.
        """
        own = parse_segment(str(row.series), list(self.by))
        found = self._search(row, {})
        fits = [(segment, parts) for segment, parts in found if all(own.get(c, v) == v for c, v in segment.items())]
        if not fits and own:
            fits = [({**own, **segment}, parts) for segment, parts in self._search(row, own)]
        if not fits:
            return ChangeExplanation(own, _drivers(row, []), "")
        words = [f"{format_segment(segment)} ({_format_part(parts['part'])})" for segment, parts in fits[:2]]
        return ChangeExplanation(fits[0][0], _drivers(row, fits[:3]), "; ".join(words))

    def causes(self, segment: Segment, start: pd.Timestamp, kpi: str = "", most: int = 2) -> Causes:
        """Return who stopped working or handed over, and what was new, near a day and within a segment."""
        begin = start.tz_localize(self.log.timezone, nonexistent="shift_forward", ambiguous=True)
        owners = [] if kpi in VOLUME_KPIS else self._owners(segment, begin)  # no agent decides how much comes in
        said = [summary for summary, _ in owners]
        cases = self.log.table("cases") if self.log.has("cases") else None
        columns = [c for c in cases.columns if _VERSION.search(c)] if cases is not None else []
        if cases is not None and columns:
            frame = self.log.frame(cases.select("created_at", *columns))
            said += find_new_values(frame, begin, columns)["summary"].head(most).tolist()
        words = "; ".join(dict.fromkeys(said[:most]))
        return Causes(words, owners[0][1] if owners else None)

    def _owners(self, segment: Segment, begin: pd.Timestamp) -> list[tuple[str, pd.Timestamp]]:
        work = self._agents_work()
        said: list[tuple[str, pd.Timestamp]] = []
        whole = self._owner_changes(begin).set_index("owner")["before"]
        latest = begin.tz_localize(None) + MAX_CAUSE_DELAY
        for column, value in segment.items():
            if column not in work:
                continue
            found = self._owner_changes(begin, column)
            found = found[found["value"] == value]
            usual = whole.reindex(found["owner"]).fillna(0.0).to_numpy()
            own = (found["before"] >= 2 * usual) | (found["cause"] == "stopped")
            told = (found["at"] <= latest) & own & (found["strength"] >= _MIN_MOVED_SHARE)
            said += zip(found.loc[told, "summary"], found.loc[told, "at"], strict=True)
        return said

    def _owner_changes(self, begin: pd.Timestamp, column: str = "") -> pd.DataFrame:
        """Return whose work ended near a day, within the values of a column; several alerts may ask for the same."""
        if (begin, column) not in self._changes:
            work = self._agents_work()
            work = work.iloc[slice(*work["at"].searchsorted([begin - _WORK_SPAN, begin + _WORK_SPAN]))]
            if column and work[column].isna().all():
                work = work.iloc[:0]
            rows = work[["at", "owner", *([column] if column else [])]]
            self._changes[begin, column] = find_owner_changes(rows, begin, group=column or None, near=CAUSE_WINDOW)
        return self._changes[begin, column]

    def _agents_work(self) -> pd.DataFrame:
        """Return who wrote or worked on which case when, with the segments of the case, from ``since`` on, by time."""
        if self._work is None:
            log, parts = self.log, []
            if log.has("events", "actor_id", "actor_role"):
                events = log.table("events")
                first = self.since.tz_localize(log.timezone).to_pydatetime()
                own = events.filter(
                    (events.actor_role == "agent") & events.actor_id.notnull() & (events["at"] >= first)
                )
                parts.append(log.frame(own.select("case_id", "at", owner="actor_id")))
            nothing = pd.DataFrame({"case_id": [], "at": pd.DatetimeIndex([], tz=log.timezone), "owner": []})
            work = pd.concat(parts) if parts else nothing
            columns = [c for c in self.by if log.has("cases", c)]
            if columns and len(work):
                cases = log.frame(log.table("cases").select("case_id", *columns))
                work = work.merge(cases, on="case_id")
            names = {c: "category" for c in ("owner", *columns) if c in work}  # many rows, few names, asked many times
            self._work = work.astype(names).sort_values("at", kind="stable", ignore_index=True)
        return self._work

    def daily(self, kpi: str, segment: Segment) -> pd.DataFrame | None:
        """Return the days of a KPI in a combination of segments; nothing where it cannot be added up (medians)."""
        cells = self._history(kpi)
        if cells is None or not set(segment) <= set(cells.columns):
            return None
        kind = infer_kpi_kind(kpi, cells)
        if kind not in ("count", "share", "stock"):
            return None
        days = pd.Index(cells["ds"].drop_duplicates().sort_values(), name="ds")
        for column, value in segment.items():
            cells = cells[cells[column] == value]
        found = cells.groupby("ds")[["value", "n", "numerator"]].sum(min_count=1).reindex(days)
        if kind == "share":
            found["value"] = found["numerator"] / found["n"].where(found["n"] > 0)
        else:
            found["value"] = found["value"].fillna(0.0)
        return found.reset_index().assign(kpi=kpi, segment=format_segment(segment))

    def _search(self, row: Any, inside: Segment) -> list[tuple[Segment, dict[str, Any]]]:
        cells = self._history(str(row.kpi))
        columns = [c for c in self.by if c not in inside]
        if cells is None or not columns:
            return []
        for column, value in inside.items():
            cells = cells[cells[column] == value]
        way = 1 if row.direction == "up" else -1
        start, last = pd.Timestamp(row.started_at), pd.Timestamp(row.last_at)
        days = pd.date_range(start, min(max(last, start), start + pd.Timedelta(days=27)), unit="us")
        kind = infer_kpi_kind(str(row.kpi), cells)
        before, after = farthest_days(cells, days, way) if kind == "stock" else (weeks_before(days), days)
        sides = []
        for name, span in (("before", before), ("after", after)):
            part = sum_by_segment(cells[cells["ds"].isin(span)], columns, kind, len(span))
            sides.append(part.rename(columns={"n": f"n_{name}", "numerator": f"numerator_{name}"}))
        both = sides[0].merge(sides[1], on=columns, how="outer").fillna(dict.fromkeys(_SIDE_COLUMNS, 0.0))
        weight = (len(before), len(after)) if kind == "count" else (1, 1)
        try:
            found = search_combinations(
                both,
                columns,
                count=kind in ("count", "stock"),
                days=weight,
                spread=None if kind == "share" else estimate_case_sd(cells, kind),
            )
        except InputError:
            return []  # no cases on one side
        good = found[(found["contribution"] * way > 0) & (found["part"] > 0)]
        return [
            (parse_combination(str(r["segment"]), columns), {str(k): v for k, v in r.items()})
            for r in good.to_dict("records")
        ]

    def _history(self, kpi: str) -> pd.DataFrame | None:
        if kpi not in self._cells:
            try:
                cells = self._split(kpi) if self.by else None
            except InputError:
                cells = None  # this KPI cannot be split by these columns
            if cells is not None:
                cells = cells[cells["kpi"] == kpi]  # of all days: the same evidence at every look
                cells = cells.fillna(dict.fromkeys(self.by, "(missing)"))
            self._cells[kpi] = cells
        return self._cells[kpi]

    def _split(self, kpi: str) -> pd.DataFrame:
        return kpi_history(self.log, kpi, by=list(self.by), freq="D", limits=self.limits)


def drivers_table(moved: Mapping[Any, ChangeExplanation]) -> pd.DataFrame:
    """Return the drivers of all alarms, the strongest alarm first."""
    tables = [why.drivers for why in moved.values() if len(why.drivers)]
    return pd.concat(tables, ignore_index=True) if tables else _drivers(None, [])


def build_explainer(log: CaseLog, by: Sequence[str], oldest: pd.Timestamp, limits: Limits | None = None) -> Explainer:
    """Return what explains incidents that began on some day or later."""
    return Explainer(log, tuple(by)[:MAX_COLUMNS], oldest - _LOOKBACK, limits)


def parse_segment(series: str, by: Sequence[str]) -> dict[str, str]:
    """Take the name of a series apart again; the column of its segment may hold spaces.

    >>> parse_segment("Case Type new order", ["Case", "Case Type"]), parse_segment("all", ["channel"])
    ({'Case Type': 'new order'}, {})
    """
    column = max((c for c in by if series.startswith(f"{c} ")), key=len, default="")
    return {column: series.removeprefix(f"{column} ")} if column else {}


def format_segment(segment: Segment) -> str:
    """Write a segment as words.

    >>> format_segment({"product": "Mobile", "region": "Portugal"})
    'product Mobile, region Portugal'
    """
    return ", ".join(f"{column} {value}" for column, value in segment.items()) or "everything"


def parse_combination(words: str, columns: Sequence[str]) -> dict[str, str]:
    """Take the words of a combination apart: a value may hold a comma, but not one before the name of a column.

    >>> parse_combination("product TV, web, region Ireland", ["product", "region"])
    {'product': 'TV, web', 'region': 'Ireland'}
    """
    found: dict[str, str] = {}
    last = ""
    for part in words.split(", "):
        own = parse_segment(part, [c for c in columns if c not in found])
        if own:
            found |= own
            last = next(iter(own))
        elif last:
            found[last] += f", {part}"
    return found


def _format_part(part: float) -> str:
    """Write what part of a change a segment has: where the rest went the other way, it has more than all of it.

    >>> _format_part(0.62), _format_part(2.91)
    ('62% of the change', 'more than the whole change')
    """
    return f"{part:.0%} of the change" if part < 1.005 else "more than the whole change"


def _drivers(row: Any, found: Sequence[tuple[Segment, dict[str, Any]]]) -> pd.DataFrame:
    rows = [
        {
            "kpi": row.kpi,
            "series": row.series,
            "column": ", ".join(segment),
            "value": ", ".join(segment.values()),
            **{c: parts[c] for c in ("before", "after", "contribution")},
        }
        for segment, parts in found
    ]
    frame = pd.DataFrame(rows, columns=list(DRIVER_COLUMNS))
    numbers = ("before", "after", "contribution")
    return frame.astype({c: "float64" if c in numbers else "str" for c in DRIVER_COLUMNS})
