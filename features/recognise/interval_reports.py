"""Whether a file counts what came by interval or day, and which column is which measure.

A report is told by its values: the times repeat at even steps, each once a series, beside columns of whole numbers; the
names of the columns only help. Where counts and single cases are both possible, the question is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..errors import InputError
from ..sources.spec import SourceSpec
from ..sources.volumes import COMPLETE, COUNT_MEASURES, MEAN_MEASURES, SHARE_MEASURES, TIME_MEASURES, TOTAL_WORDS
from .interval_series import find_series_across
from .interval_times import IntervalTimes, find_across, find_interval_times
from .interval_units import decide_means, decide_units
from .interval_values import is_amount, is_count, share_of_counts
from .interval_words import AGENT_WORDS, Measure, find_measure, series_rank
from .roles import ColumnProfile
from .vocabulary import normalise_column_name, score_role_match, tells_how_long

#: Points from which a file is a report of counts, and from which the question is asked.
MIN_SCORE_COUNTS, MIN_SCORE_QUESTION = 4.0, 3.0
#: Share of rows that may come twice before a slot is no longer what a row is.
MAX_DOUBLED_SHARE = 0.35
#: A name from which a column is a count though some of its values are none.
MIN_SURE_NAME = 0.7
#: What describes a case: a number under such a name is no count.
_CASE_ROLES = ("case_id", "priority", "product", "region", "case_type", "customer_id", "channel", "team")
_MISSING = SourceSpec("volumes").missing


@dataclass
class _Reading:
    """A reading of a file as counts, with what speaks for and against it."""

    times: IntervalTimes
    measures: dict[str, str]
    keys: list[str]
    score: float
    words: list[str] = field(default_factory=list)
    target_s: float | None = None


def recognise_interval_report(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> dict[str, Any] | None:
    """Return what a source of counts needs, or ``None`` where a row is no interval.

    Raises
    ------
    InputError
        If counts and cases are both possible, or a needed fact (the date of row 1, a unit) is nowhere in the file.
    """
    frame = _without_totals(_cleaned(frame))
    wide = find_across(columns, frame)
    if wide is not None:
        return wide
    times = find_interval_times(columns, frame)
    if times is None:
        return None
    side_by_side = find_series_across(columns, frame, times)
    if side_by_side is not None:
        return side_by_side
    measures, odd, target_s = _measures(columns, frame, times)
    if "y" not in measures:
        _refuse_without_count(columns, frame, times, measures)
        return None
    keys, unique = _series_keys(columns, frame, times, measures)
    agents = [n for n in keys if _is_agent(n)]
    if agents and len(measures) > 1 and times.even >= 0.9 and unique >= 0.9:
        raise InputError(
            "each row counts the contacts of one agent, not of a queue", column=agents[0],
            wanted="the report by queue or skill",
            hint=f'or sum it: leave out {agents[0]}, one row each interval',
            code="reading.none",
        )  # fmt: skip
    score, words = _score(columns, times, measures, odd, keys, unique)
    if score < MIN_SCORE_QUESTION:
        return None
    if score < MIN_SCORE_COUNTS:
        raise _question(times, measures, keys, columns)
    return _described(_Reading(times, measures, keys, score, words, target_s), frame, odd)


def _refuse_without_count(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, times: IntervalTimes, measures: Mapping[str, str]
) -> None:
    """Refuse a report that has times and shares of its intervals but not how many came: its rows are no cases."""
    if times.even < 0.9 or len(frame) < 5:
        return
    named = [
        n
        for n in columns
        if n not in times.columns and (m := find_measure(n)) is not None and m.role == "y" and m.sure >= MIN_SURE_NAME
    ]
    if named and not any(score_role_match(n, "case_id") > 0 and p.unique > 0.9 for n, p in columns.items()):
        raise InputError(
            "most of the counts cannot be read", column=named[0], got=next(iter(columns[named[0]].values), None),
            wanted="whole numbers from 0",
            code="value.unreadable",
        )  # fmt: skip
    if not measures:
        return
    keys, unique = _series_keys(columns, frame, times, measures)
    used = {*times.columns, *keys, *measures.values()}
    if unique >= 0.9 and all(n in used or p.distinct <= 1 for n, p in columns.items()):
        named = list(measures.values())
        raise InputError(
            f"missing number of contacts offered: the report has only {', '.join(named)}", column=named[0],
            wanted="a column of counts, such as Offered, beside it",
            hint="export the report with its counts; handle times alone can be given as aht in [staffing.NAME]",
            code="reading.none",
        )  # fmt: skip


def _cleaned(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the file with its marks of a missing value as missing."""
    marked = {str(c): frame[c].mask(frame[c].isin(list(_MISSING))) for c in frame if str(frame[c].dtype) == "str"}
    return frame.assign(**marked) if marked else frame


def _without_totals(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave rows of totals out of what is looked at."""
    total = pd.Series(False, index=frame.index)
    for name in frame.columns:
        if str(frame[name].dtype) == "str":
            total |= frame[name].str.strip().str.lower().str.fullmatch(TOTAL_WORDS).fillna(False).astype(bool)
    return frame[~total] if total.mean() < 0.2 else frame


def _measures(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, times: IntervalTimes
) -> tuple[dict[str, str], dict[str, Measure], float | None]:
    """Return role -> column, what is known of each column, and the limit that a service level names."""
    taken: dict[str, tuple[float, str]] = {}
    known: dict[str, Measure] = {}
    for name in columns:
        found = find_measure(name) if name not in times.columns else None
        if found is None or not (
            _counts(frame[name], found) if found.role in COUNT_MEASURES else is_amount(frame[name])
        ):
            continue
        role = found.role
        if role in TIME_MEASURES and found.mean:
            role = f"mean_{role}"
        known[name] = found
        if role not in taken or found.sure > taken[role][0]:
            taken[role] = (found.sure, name)
    out = {role: name for role, (_, name) in taken.items()}
    for mean, total in MEAN_MEASURES.items():  # a total needs no average beside it
        if mean in out and total in out and known[out[total]].mean is not None:
            out.pop(mean)
    if "y" not in out:
        parts = [out[r] for r in ("answered", "abandoned", "transferred_out") if r in out]
        if "answered" in out:
            out["y"] = " + ".join(parts)
        elif len(rest := _free_counts(columns, frame, times, out)) == 1 and len(columns) <= 4:
            out["y"] = rest[0]
    target = next((known[out[r]].target_s for r in ("service_level", "answered_in_target") if r in out), None)
    return out, known, target


def _counts(values: pd.Series[Any], found: Measure) -> bool:
    """Return whether a column counts: where its name says so plainly, up to half of its values may be mistakes."""
    return is_count(values) or (found.sure >= MIN_SURE_NAME and share_of_counts(values) >= 0.5)


def _free_counts(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, times: IntervalTimes, out: Mapping[str, str]
) -> list[str]:
    """Return further columns of numbers that could be the count of a narrow file; how long something took is none."""
    return [
        n for n, p in columns.items()
        if n not in times.columns and n not in out.values() and p.number and is_count(frame[n]) and p.distinct > 1
        and not tells_how_long(n)
        and not any(score_role_match(n, role) > 0 for role in _CASE_ROLES)
    ]  # fmt: skip


def _series_keys(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, times: IntervalTimes, measures: Mapping[str, str]
) -> tuple[list[str], float]:
    """Return the columns that name the series, and the share of rows that are then a slot of their own."""
    start = times.starts.reset_index(drop=True)
    used = {p for source in measures.values() for p in (source, *source.split(" + "))} | set(times.columns)
    able = [
        n for n, p in columns.items()
        if n not in used and p.time is None and 1 < p.distinct <= 2000 and p.missing < 0.5
        and (not p.number or series_rank(n) >= 0) and not _depends_on(frame[n], start)
    ]  # fmt: skip
    able.sort(key=lambda n: (series_rank(n) < 0, series_rank(n), _is_number_of(n), list(columns).index(n)))
    rows = frame.reset_index(drop=True).assign(**{"(start)": start}).drop_duplicates()
    rows = rows[rows["(start)"].notna()]
    keys: list[str] = []
    unique = _share_unique(rows, ["(start)"])
    for name in able:
        if series_rank(name) < 0 and unique >= 0.98:
            break
        if keys and rows.groupby(keys, dropna=False)[name].nunique().max() <= 1:
            continue  # a second name of the same series
        more = _share_unique(rows, ["(start)", *keys, name])
        if more > unique + 0.001:
            keys, unique = [*keys, name], more
    only = [n for n, p in columns.items() if n not in used and p.distinct == 1 and p.missing < 0.05]
    plain = [n for n in only if series_rank(n) == 0]
    return keys or plain[:1], unique


def _is_number_of(name: str) -> bool:
    """Return whether a column has the ids of what another column may name."""
    return normalise_column_name(name).endswith((" id", " nr", " no", " number", " key"))


def _share_unique(rows: pd.DataFrame, by: list[str]) -> float:
    """Return the share of rows that are the only one of their slot, or the first."""
    return float(1 - rows.duplicated(by).mean()) if len(rows) else 0.0


def _depends_on(values: pd.Series[Any], start: pd.Series[Any]) -> bool:
    """Return whether a column only repeats something of the time, such as the weekday."""
    pairs = pd.DataFrame({"v": values.to_numpy(), "s": start}).dropna()
    several = pairs["s"].duplicated(keep=False)
    if several.mean() < 0.05:  # each time comes once: the column then tells nothing that a weekday could not
        by_day = pairs.groupby([pairs["s"].dt.day_of_week])["v"].nunique()
        return bool(len(by_day) > 1 and (by_day <= 1).all())
    return bool(pairs[several].groupby("s")["v"].nunique().max() <= 1)


def _score(
    columns: Mapping[str, ColumnProfile],
    times: IntervalTimes,
    measures: Mapping[str, str],
    known: Mapping[str, Measure],
    keys: list[str],
    unique: float,
) -> tuple[float, list[str]]:
    """Weigh what speaks for counts against what speaks for single cases."""
    words: list[str] = []
    y = measures["y"]
    sure = max((known[p].sure for p in y.split(" + ") if p in known), default=0.3)
    score = 2.0 * sure + min(3, len(set(measures) - {"y"})) * 1.0
    if sure < 0.5 and set(measures) != {"y"}:
        score -= 1.0
    if times.even >= 0.9:
        score += 1.5
        words.append(f"{times.even:.0%} of the times are a whole number of {times.step_words} apart")
    else:
        score -= 3.0
    if unique >= 0.9:
        score += 1.0
        words.append(f"each is unique{' per series' if keys else ''}")
    elif unique < 1 - MAX_DOUBLED_SHARE:
        score -= 3.0
    used = {p for s in (*measures.values(), *keys) for p in (s, *s.split(" + "))} | set(times.columns)
    for name, p in columns.items():
        if name in used or p.time is not None:
            continue
        if p.unique > 0.9 and p.rows > 10 and not p.number and p.missing < 0.5 and p.distinct > 10:
            score -= 2.0  # an id or a text: a row is a thing of its own
        elif p.unique > 0.95 and p.rows > 10 and _is_case_number(name, columns_first(columns)):
            score -= 2.0
    many = columns[y].distinct > 12 if y in columns else True
    if many and times.even >= 0.98 and unique >= 0.98 and all(n in used or p.distinct <= 1 for n, p in columns.items()):
        score += 1.0  # nothing but times, series and measures
    return score, words


def _is_case_number(name: str, first: str) -> bool:
    """Return whether a name means the number of a case; the first column may be a mere row number."""
    likeness = score_role_match(name, "case_id")
    return likeness >= 1 or (likeness > 0 and name != first)


def columns_first(columns: Mapping[str, ColumnProfile]) -> str:
    """Return the name of the first column, which may be a mere row number."""
    return next(iter(columns), "")


def _is_agent(name: str) -> bool:
    return bool(re.fullmatch(AGENT_WORDS, normalise_column_name(name)))


def _question(
    times: IntervalTimes, measures: Mapping[str, str], keys: list[str], columns: Mapping[str, ColumnProfile]
) -> InputError:
    """Ask what a row is, with the lines to write for either answer."""
    roles = {"ds": times.source, "y": measures["y"]} | ({"unique_id": keys[0]} if keys else {})
    count = "columns = { " + ", ".join(f'{role} = "{name}"' for role, name in roles.items()) + " }"
    return InputError(
        "is a row one case, or the count of an interval",
        column=measures["y"],
        got=f"{columns[measures['y']].distinct:,} different numbers" if measures["y"] in columns else None,
        wanted=f'for counts [source.volumes] with kind = "table" and {count}',
        hint=f'for cases [source.cases] with kind = "table" and columns = {{ created_at = "{times.source}" }}',
        code="reading.unclear",
    )


def _described(reading: _Reading, frame: pd.DataFrame, known: Mapping[str, Measure]) -> dict[str, Any]:
    """Return the values of a recognised source."""
    times, measures = reading.times, dict(reading.measures)
    measures, said = decide_means(measures, known, frame)
    units, asked = decide_units(measures, frame)
    order = ("ds", "unique_id", *COUNT_MEASURES, *TIME_MEASURES, *MEAN_MEASURES, *SHARE_MEASURES, COMPLETE)
    roles = {"ds": times.source, **measures}
    if reading.keys:
        roles["unique_id"] = " + ".join(reading.keys)
    complete = next((c for c in frame.columns if normalise_column_name(str(c)) == "interval complete"), None)
    if complete:
        roles[COMPLETE] = str(complete)
    why = {"table": f"a row is the count of an interval: {'; '.join(reading.words)}"}
    why["y"] = f"'{roles['y']}' is what was offered" if " + " not in roles["y"] else "what was offered is their sum"
    if times.why:
        why["ds"] = times.why
    why["slot"] = f"the times are {times.step_words} apart"
    names = reading.keys
    segments = {"unique_id": int(frame[names].drop_duplicates().shape[0])} if names else {}
    options: dict[str, Any] = {}
    if times.labels:
        options["labels"] = times.labels
    if reading.target_s and ("service_level" in measures or "answered_in_target" in measures):
        options["target_s"] = reading.target_s
    unused = [str(c) for c in frame.columns if not _is_used(str(c), roles, times)]
    notes = [*said, *asked]
    if unused:
        notes.append(f"not used: {', '.join(unused)}")
    return {
        "shape": "volume series" if len(measures) == 1 else "interval report", "table": "volumes",
        "columns": {r: roles[r] for r in order if r in roles}, "segments": segments, "why": why,
        "slot_s": times.step_s, "date_format": times.date_format, "units": units, "options": options,
        "notes": tuple(notes),
    }  # fmt: skip


def _is_used(name: str, roles: Mapping[str, str], times: IntervalTimes) -> bool:
    return name in times.columns or any(name in (s, *s.split(" + ")) for s in roles.values())
