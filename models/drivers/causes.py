"""Candidate causes of an incident: owners who left or handed over, and new versions of forms and articles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Ints
from ...features.case_log.log import CaseLog
from ...features.errors import InputError, did_you_mean
from ..series.panel import check_columns

CAUSE_COLUMNS = ("cause", "column", "value", "owner", "before", "after", "at", "strength", "summary")
_COMPARISON_SPAN = pd.Timedelta(days=28)
_MAX_TIME_FROM_START = pd.Timedelta(days=7)
_MIN_ROWS_BEFORE, _MIN_ROWS_AFTER = 10, 5  # rows an owner or a value must have to be spoken of
_MIN_OWNER_SHARE = 0.03
_MIN_SILENCE = pd.Timedelta(days=7)  # without any work, before a last piece of work is more than a day off


def find_owner_changes(
    rows: pd.DataFrame, start: Any, *, group: str | None = None, near: Any = _MAX_TIME_FROM_START
) -> pd.DataFrame:
    """Find owners (agents, teams) whose work ended near an instant, and who took it over.

    Parameters
    ----------
    rows
        One row a piece of work: ``at`` (instant), ``owner`` and, where work is split over accounts or teams, the
        column ``group``.
    start
        Begin of the incident, on the clock of ``at``.
    group
        Column of the accounts; each is judged by itself.
    near
        How far from ``start`` the last piece of work of the owner may lie.

    Returns
    -------
    DataFrame
        The columns of ``CAUSE_COLUMNS``: ``cause`` (``stopped``: no work anywhere for a week or more, ``hand-over``:
        only this group was given up; whether somebody left, a log cannot tell), ``column`` and ``value`` (the group), ``owner``, ``before`` and ``after`` (share of the
        group's work in the four weeks before, up to that last piece, and after), ``at`` (last piece of work), ``strength`` (share given up),
        ``summary``; the largest first.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> days = pd.date_range("2024-03-01", periods=60)
    >>> rows = pd.DataFrame({"at": days, "account": "A2", "owner": ["Ana"] * 30 + ["Ben"] * 30})
    >>> found = find_owner_changes(rows, "2024-03-31", group="account")
    >>> found[["cause", "value", "owner"]].values.tolist(), found["summary"].iloc[0]
    ([['stopped', 'A2', 'Ana']], 'Ana has not worked since Sat 30 Mar 2024 (100% of account A2 before, none after, most now by Ben)')
    """  # noqa: E501
    check_columns(rows, ("at", "owner", *([group] if group else [])), "rows")
    begin = _on_clock(start, rows["at"])
    inside = (rows["at"] >= begin - _COMPARISON_SPAN) & (rows["at"] < begin + _COMPARISON_SPAN)
    use = rows[rows["owner"].notna() & inside]
    if use.empty:
        return _causes([])
    work, newest = _Work.of(use, begin, group), use["at"].max()
    found: list[dict[str, Any]] = []
    enough = (work.before.sum(axis=1) >= _MIN_ROWS_BEFORE) & (work.after.sum(axis=1) >= _MIN_ROWS_AFTER)
    for value in map(int, np.flatnonzero(enough)):
        for owner in map(int, np.flatnonzero(work.before[value] >= _MIN_ROWS_AFTER)):
            last, final = work.at.iloc[work.last[value, owner]], work.at.iloc[work.final[owner]]
            if abs(last - begin) > pd.Timedelta(near) or newest - last < _MIN_SILENCE:
                continue
            was, missed = work.share_until(value, owner)
            if was * missed < _MIN_ROWS_AFTER or was < _MIN_OWNER_SHARE:
                continue
            gone = final - begin <= pd.Timedelta(near) and newest - final >= _MIN_SILENCE
            (before, after), name = work.shares(value), work.owners[owner]
            now = float(after.loc[name]) if last < begin else 0.0
            heir: pd.Series = (after - before).drop(name)
            found.append(_owner_row(group, str(work.values[value]), str(name), was, now, last, gone, heir))
    return _causes(found)


@dataclass(frozen=True)
class _Work:
    """Pieces of work as numbers: whose each is and in which group, and tables of both (groups x owners).

    ``before`` and ``after`` count the pieces before the begin and from then on; ``last`` is the place of an owner's
    last piece in a group, ``final`` that in any. ``stamp`` is when each was, by group and time; those of a group begin
    at its place of ``first``.
    """

    at: pd.Series
    stamp: Ints
    first: Ints
    values: pd.Index
    owners: pd.Index
    before: Ints
    after: Ints
    last: Ints
    final: Ints

    @classmethod
    def of(cls, use: pd.DataFrame, begin: pd.Timestamp, group: str | None) -> _Work:
        owners = use["owner"].astype("category").cat
        values = _as_category(use[group] if group else pd.Series("all", index=use.index)).cat
        owner, value = (np.asarray(x.codes, dtype=np.int64) for x in (owners, values))
        late, stamp = (use["at"] >= begin).to_numpy(dtype=bool), pd.DatetimeIndex(use["at"]).asi8
        shape = len(values.categories), len(owners.categories)
        known = value >= 0
        by_group = np.lexsort((stamp, value))
        first = np.searchsorted(value[by_group], np.arange(shape[0] + 1))
        cell = value * shape[1] + owner
        before, after = (
            np.bincount(cell[known & x], minlength=shape[0] * shape[1]).reshape(shape) for x in (~late, late)
        )
        order = np.argsort(stamp, kind="stable")  # the latest is written last, and stays
        last, final = np.full(shape[0] * shape[1], -1), np.full(shape[1], -1)
        final[owner[order]] = order
        order = order[known[order]]
        last[cell[order]] = order
        return cls(
            use["at"], stamp[by_group], first, values.categories, owners.categories, before, after,
            last.reshape(shape), final,
        )  # fmt: skip

    def shares(self, value: int) -> tuple[pd.Series, pd.Series]:
        """Return the share of each owner in the work of a group, before and after."""
        there = (self.before[value] + self.after[value]) > 0
        counts = [pd.Series(x[value][there], self.owners[there]) for x in (self.before, self.after)]
        return counts[0] / counts[0].sum(), counts[1] / counts[1].sum()

    def share_until(self, value: int, owner: int) -> tuple[float, int]:
        """Return an owner's share of the work of a group up to the last piece, and how many others did after it.

        Days after the last piece of work would thin it out.
        """
        stamps = self.stamp[slice(*self.first[value : value + 2])]
        done = int(np.searchsorted(stamps, self.at.iloc[[self.last[value, owner]]].array.asi8[0], side="right"))
        early = int(self.before[value].sum())
        until = min(done, early) if min(done, early) >= _MIN_ROWS_BEFORE else early
        return float(self.before[value, owner] / until), len(stamps) - done


def find_new_values(
    cases: pd.DataFrame, start: Any, columns: Sequence[str], *, near: Any = _MAX_TIME_FROM_START
) -> pd.DataFrame:
    """Find values of attributes (versions of forms and articles, releases) that first appear near an instant.

    Parameters
    ----------
    cases
        ``created_at`` and the columns.
    start
        Begin of the incident.
    columns
        Attributes to look at.
    near
        How far from ``start`` a value may first appear.

    Returns
    -------
    DataFrame
        The columns of ``CAUSE_COLUMNS``: ``cause`` is ``new value``; ``before`` and ``after`` are shares of the cases.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> days = pd.date_range("2024-03-01", periods=60)
    >>> cases = pd.DataFrame({"created_at": days, "form": ["v1"] * 30 + ["v2"] * 30})
    >>> find_new_values(cases, "2024-04-01", ["form"])["summary"].tolist()
    ['form v2 is new since 31 Mar 2024 (100% of the cases since)']
    """
    check_columns(cases, ("created_at", *columns), "cases")
    begin = _on_clock(start, cases["created_at"])
    found = []
    for column in columns:
        known = cases[cases[column].notna()]
        first = known.groupby(known[column].astype("str"))["created_at"].min()
        earliest = cases["created_at"].min()
        late = known[(known["created_at"] >= begin) & (known["created_at"] < begin + _COMPARISON_SPAN)]
        share = late[column].astype("str").value_counts(normalize=True)
        for value, at in first.items():
            part = float(share.get(value, 0.0))
            old = at - earliest < _COMPARISON_SPAN / 2  # the log itself is young: nothing in it can be called new
            if abs(at - begin) > pd.Timedelta(near) or old or part < 0.02 or part * len(late) < _MIN_ROWS_AFTER:
                continue
            after = at.tz_localize(None) if at.tzinfo else at
            words = f"{column} {value} is new since {after:%d %b %Y} ({part:.0%} of the cases since)"
            row = {"cause": "new value", "column": column, "value": str(value), "owner": "", "before": 0.0}
            found.append(row | {"after": part, "at": after, "strength": part, "summary": words})
    return _causes(found)


def candidate_causes(
    log: CaseLog,
    start: Any,
    *,
    groups: Sequence[str] = (),
    attributes: Sequence[str] = (),
    until: Any = None,
) -> pd.DataFrame:
    """Collect what changed near the begin of an incident and may have caused it.

    Parameters
    ----------
    log
        The case log.
    start
        Begin of the incident on the log's clock.
    groups
        Columns of the cases within which work is owned, such as ``account``. Who left the whole desk is told once,
        and by group only where he or she did twice as much of its work.
    attributes
        Columns of the cases that hold versions or releases.
    until
        Day after which nothing is looked at; the end of the log by default.

    Returns
    -------
    DataFrame
        The columns of ``CAUSE_COLUMNS``, the strongest first.

    Raises
    ------
    InputError
        If a column is unknown.
    """
    begin = pd.Timestamp(start)
    begin = (
        begin.tz_localize(log.timezone, nonexistent="shift_forward", ambiguous=True) if begin.tzinfo is None else begin
    )
    stop = min(
        begin + _COMPARISON_SPAN,
        pd.Timestamp(until, tz=log.timezone) if until is not None else begin + _COMPARISON_SPAN,
    )
    cases = log.frame("cases")
    for column in (*groups, *attributes):
        if column not in cases:
            raise InputError(
                "unknown column of the cases",
                column=column,
                hint=did_you_mean(column, list(cases.columns)),
                code="column.unknown",
            )
    parts = [find_new_values(cases[cases["created_at"] < stop], begin, list(attributes))] if attributes else []
    work = _work(log)
    work = work[(work["at"] >= begin - _COMPARISON_SPAN) & (work["at"] < stop)]
    whole = find_owner_changes(work[["at", "owner"]], begin)
    share = dict(zip(whole["owner"], whole["before"], strict=True))
    for group in groups:
        joined = work.merge(cases[["case_id", group]], on="case_id", how="inner")
        found = find_owner_changes(joined[["at", "owner", group]], begin, group=group)
        own = np.array(
            [before >= 2 * share.get(o, 0.0) for o, before in zip(found["owner"], found["before"], strict=True)]
        )
        parts.append(found[own.astype(bool)])  # whoever left the whole desk is told once
    parts.append(whole)
    rows: list[dict[str, Any]] = [{str(k): v for k, v in row.items()} for p in parts for row in p.to_dict("records")]
    return _causes(rows)


def _work(log: CaseLog) -> pd.DataFrame:
    """Return who worked on which case when: answers and notes of agents, and calls."""
    parts = [
        pd.DataFrame({"case_id": pd.Series(dtype="str"), "at": pd.Series(dtype="datetime64[us, UTC]"), "owner": ""})
    ]
    if log.has("events"):
        events = log.frame("events")
        if "actor_id" in events:
            own = events[events["actor_id"].notna()]
            own = own[own["actor_role"].isin(["agent"])] if "actor_role" in own else own
            parts.append(own[["case_id", "at"]].assign(owner=own["actor_id"].astype("str")))
    if log.has("contacts"):
        calls = log.frame("contacts")
        if "agent_id" in calls and "case_id" in calls:
            own = calls[calls["agent_id"].notna() & calls["case_id"].notna() & calls["answered_at"].notna()]
            parts.append(
                pd.DataFrame(
                    {"case_id": own["case_id"], "at": own["answered_at"], "owner": own["agent_id"].astype("str")}
                )
            )
    full = [p for p in parts if len(p)]
    return pd.concat(full, ignore_index=True) if full else parts[0]


def _as_category(values: pd.Series) -> pd.Series:
    """Return values as categories, as text where they are none yet."""
    return values if isinstance(values.dtype, pd.CategoricalDtype) else values.astype("str").astype("category")


def _owner_row(
    group: str | None, value: str, owner: str, was: float, now: float, last: Any, gone: bool, heir: pd.Series
) -> dict[str, Any]:
    where = f"{group} {value}" if group else "the desk"
    at = last.tz_localize(None) if last.tzinfo else last
    rest = "none after" if now == 0 else f"{now:.0%} after"
    if len(heir) and float(heir.max()) > 0.5 * (was - now):
        rest += f", most now by {heir.idxmax()}"
    day = f"{at:%a} {at.day} {at:%b %Y}"
    did = f"has not worked since {day}" if gone else f"has not worked on {where} since {day}"
    words = f"{owner} {did} ({was:.0%} of {where if gone else 'it'} before, {rest})"
    row = {"cause": "stopped" if gone else "hand-over", "column": group or "", "value": value, "owner": owner}
    return row | {"before": was, "after": now, "at": at, "strength": was - now, "summary": words}


def _on_clock(start: Any, times: pd.Series) -> pd.Timestamp:
    begin = pd.Timestamp(start)
    zone = getattr(times.dtype, "tz", None)
    if zone is not None:
        return begin.tz_localize(zone) if begin.tzinfo is None else begin.tz_convert(zone)
    return begin.tz_localize(None) if begin.tzinfo is not None else begin


def _causes(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return _typed_causes(rows) if rows else _no_causes().copy()


@cache
def _no_causes() -> pd.DataFrame:
    return _typed_causes([])


def _typed_causes(rows: list[dict[str, Any]]) -> pd.DataFrame:
    out = pd.DataFrame(rows, columns=list(CAUSE_COLUMNS))
    out = out.astype(dict.fromkeys(("cause", "column", "value", "owner", "summary"), "str"))
    out = out.astype(dict.fromkeys(("before", "after", "strength"), "float64"))
    out["at"] = pd.to_datetime(out["at"]).astype("datetime64[us]")
    order = np.lexsort((out["owner"].to_numpy(dtype=object), out["value"].to_numpy(dtype=object), -out["strength"]))
    return out.iloc[order].reset_index(drop=True)
