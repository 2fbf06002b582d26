"""A table with a row per case: which column is the id, which time opens a case, which ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..errors import InputError, Listed
from ..readers.empty_times import find_empty_times
from ..readers.timestamps import detect_date_order, parse_times
from ..sources.due_columns import CASE_DUES
from ..sources.satisfaction import MAX_SCORE, score_answers
from ..sources.spec import SourceSpec
from ..sources.table import CASE_TIMES, SATISFACTION
from .date_and_time import pair_with_clock
from .due_columns import find_due_columns
from .event_logs import is_id_like
from .own_figures import find_own_figures
from .readings import Ask, Reading, UnclearReadingError
from .reckoned_ends import find_reckoned_ends
from .roles import ColumnProfile, ColumnRoles, find_best_column, guess_attributes, guess_segment_columns
from .vocabulary import can_be_opening, score_role_match

#: Times that end a case.
ENDS_OF_CASES = ("resolved_at", "closed_at")
#: Below this a name does not say that a time opens anything.
MIN_ARRIVAL_NAME = 0.3
#: From this on it says so plainly, as Created and Opened do, and Date does not.
MIN_OPENING_NAME = 0.8
#: Rows of which so few have a time of another, and how many there have to be, are those of a report.
MAX_TWICE_EVEN, MIN_ROWS_EVEN = 0.02, 5
#: Share of its values that come once, from which an id is said to come once a row.
MIN_ONCE = 0.8
#: A time is no opening if so many of the ends lie before it.
MAX_ENDS_BEFORE = 0.2
#: With fewer rows a case of an event log need not come again; and how surely a name says that it is an activity.
MIN_ROWS_OF_STORIES, MIN_ACTIVITY_NAME = 5, 0.9


def read_as_cases(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, where: str, ask: Ask | None = None
) -> Reading:
    """Return the reading of a file as a table of cases, or as bare arrivals where nothing tells of an end or an id.

    Raises
    ------
    InputError
        If the file has ends of cases but no time that can be their opening.
    UnclearReadingError
        If two times could be the opening.
    """
    why: dict[str, str] = {}
    taken: dict[str, str] = {}
    case, twice = _case_id(columns, frame)
    if case:
        taken["case_id"] = case
        p = columns[case]
        nearly = f"nearly every value of '{case}' is unique"
        why["case_id"] = nearly if p.unique > 0.9 else f"'{case}' has {p.distinct:,} values on {p.rows:,} rows"
        if twice:
            why["case_id"] = f"'{case}' repeats only where a case was exported again: the newest row of each counts"
    for role in ("first_response_at", "resolved_at", "closed_at", "updated_at"):
        name = find_best_column(
            columns, role, lambda p: p.time is not None and not p.clock and p.name not in taken.values()
        )
        if name:
            taken[role] = name
    times = _read_times(columns, frame)
    taken["created_at"] = _opening(columns, taken, times, why, where, ask)
    reckoned, units, unused = find_reckoned_ends(columns, frame, taken)
    if not any(r in taken for r in CASE_TIMES) and not reckoned:
        _end_without_name(columns, taken, times, why)
    against, early = _contradictions(taken, times)
    dues, no_dues = find_due_columns(columns, taken, times)
    taken |= dues
    for role in ("created_at", *CASE_TIMES, "updated_at", *dues):
        if role in taken and columns[taken[role]].dates:
            clock = pair_with_clock(columns, taken[role], role)
            if clock:
                if role == "created_at":
                    why["created_at"] = f"'{taken[role]}' has no time of day; '{clock}' is the clock time beside it"
                taken[role] = f"{taken[role]} + {clock}"
    for role, source in reckoned.items():
        taken[role] = source.replace(source.split(" + ")[0], taken["created_at"], 1)
        why[role] = "reckoned: the opening plus how long it took"
    figures, figure_units, unclear = find_own_figures(columns, frame, taken, times)
    shown = {**taken, **{f"figure {name}": column for name, column in figures.items()}}
    segments = guess_segment_columns(ColumnRoles(columns, shown))
    answers = _satisfaction(columns, {**shown, **segments}) if any(r in taken for r in ENDS_OF_CASES) else ""
    if answers:
        taken[SATISFACTION] = shown[SATISFACTION] = answers
        why[SATISFACTION] = "answers on satisfaction, as points from 1 to 5: " + _points_of(columns[answers])
    order = ("case_id", "created_at", *CASE_TIMES, "updated_at", *CASE_DUES, SATISFACTION)
    mapped = {**{k: taken[k] for k in order if k in taken}, **segments}
    attributes, leakage = guess_attributes(ColumnRoles(columns, {**shown, **mapped}), None, None)
    ends = [r for r in CASE_TIMES if r in taken]
    why["table"] = f"one row a case, opened at '{taken['created_at']}'"
    if not ends:
        why["table"] += "; no column tells when a case ended, so only its opening can be counted"
        others = [n for n, p in columns.items() if p.time is not None and n not in taken["created_at"].split(" + ")]
        if others:
            why["table"] += f" (if one of {', '.join(map(repr, others[:4]))} does, name it closed_at)"
    found: dict[str, Any] = {
        "shape": "case table" if ends or case else "arrivals", "table": "cases", "columns": mapped,
        "attributes": attributes, "segments": {r: columns[c].distinct for r, c in segments.items()},
        "leakage": (*leakage, *figures.values()), "why": why, "notes": (*unused, *no_dues, *unclear),
        "units": {**units, **figure_units}, "figures": figures,
    }  # fmt: skip
    opening = taken["created_at"].split(" + ")[0]
    if not (ends or case or reckoned):
        named = score_role_match(opening, "created_at")
        if named < MIN_ARRIVAL_NAME:
            _ask_whether_arrivals(opening, "neither a name nor an id or an end says so", where, ask)
        elif named < MIN_OPENING_NAME and _comes_at_even_steps(times[opening]):
            _ask_whether_arrivals(opening, "each time is unique, as in a list of days or of counts", where, ask)
    elif not (ends or reckoned) and (activity := _find_unrepeated_activity(columns, opening)):
        why_not = f"'{activity}' may say what happened to a case, and so few rows do not tell"
        _ask_whether_arrivals(opening, why_not, where, ask)
    score, reasons = _score(columns, taken, ends, bool(case))
    instead: tuple[tuple[str, Reading], ...] = ()
    if early:
        turned = {**mapped, "created_at": mapped[early], early: mapped["created_at"]}
        label = f"'{mapped[early]}' opens a case and '{mapped['created_at']}' ends it"
        instead = ((label, Reading(found["shape"], score, {**found, "columns": turned}, reasons)),)
    return Reading(found["shape"], score, found, reasons, against, instead)


def _find_unrepeated_activity(columns: Mapping[str, ColumnProfile], opening: str) -> str:
    """Return the column that names activities, where the rows are too few for a case of an event log to come again."""
    if score_role_match(opening, "created_at") >= MIN_OPENING_NAME:
        return ""
    few = any(0 < p.rows < MIN_ROWS_OF_STORIES for p in columns.values())
    named = (n for n in columns if score_role_match(n, "activity") >= MIN_ACTIVITY_NAME)
    return next(named, "") if few else ""


def _comes_at_even_steps(times: pd.Series[Any]) -> bool:
    """Return whether each time comes once, on whole days or quarters of an hour: cases do not come so, reports do."""
    there = times.dropna()
    if len(there) < MIN_ROWS_EVEN or there.duplicated().mean() > MAX_TWICE_EVEN:
        return False
    return bool(((there - there.dt.normalize()).dt.total_seconds() % 900 == 0).all())


def _ask_whether_arrivals(opening: str, why: str, where: str, ask: Ask | None) -> None:
    """Ask whether rows without an id or an end are cases at all, and say why they may be none."""
    question = f"is each row a case that comes at '{opening}'? {why[:1].upper()}{why[1:]}"
    lines = f'[source.cases] columns = {{ created_at = "{opening}" }}'
    if ask is None:
        raise UnclearReadingError(question, [("if it is", lines)], where=where, code="reading.unclear")
    if ask(f"{where}: {question}", ["each row is a case", "the rows are something else"]) != 0:
        raise InputError("the rows are not cases, as you answered", where=where, code="reading.none")


def _case_id(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> tuple[str, bool]:
    """Return the column of case ids, and whether cases come again as newer rows of the same case.

    The name says that it is an id; whole rows that come twice do not count. More repeats would mean rows of another
    kind, unless what stood at the opening is the same each time.
    """

    def fits(p: ColumnProfile) -> bool:
        return p.unique > (0.8 if p.rows > 50 else 0.5) and p.missing < 0.5 and p.time is None and not p.clock

    case = find_best_column(columns, "case_id", fits)
    if case and score_role_match(case, "case_id") > 0.6:
        return case, False
    named = find_best_column(
        columns, "case_id", lambda p: p.time is None and p.missing < 0.5 and p.distinct > 1 and p.unique < 1
    )
    if named and _comes_again(columns, frame, named):
        return named, True
    if case:
        return case, False
    plain = [n for i, (n, p) in enumerate(columns.items()) if fits(p) and _is_code(n, p, first=i == 0)]
    return (plain[0], False) if plain else ("", False)


def _satisfaction(columns: Mapping[str, ColumnProfile], taken: Mapping[str, str]) -> str:
    """Return the column of answers on satisfaction: by its name, and with values that are points of five."""

    def fits(p: ColumnProfile) -> bool:
        if p.time is not None or p.clock or not 1 <= p.distinct <= 12 or p.name in taken.values():
            return False
        points, asked, unknown = score_answers(pd.Series(p.values, dtype="str"))
        numbered = p.number and float(points.max()) < MAX_SCORE  # of how many points is not told
        return bool(points.notna().any()) and not numbered and float(unknown.sum()) <= 0.2 * float(asked.sum())

    return find_best_column(columns, SATISFACTION, fits)


def _points_of(p: ColumnProfile) -> str:
    values = pd.Series(p.values[:8], dtype="str")
    points, asked, _ = score_answers(values)
    said = [
        f"{v} {n:g}" if n == n else f"{v} {'no answer' if a else 'not asked'}"
        for v, n, a in zip(values, points, asked, strict=True)
    ]
    return ", ".join(said)


def _is_code(name: str, p: ColumnProfile, *, first: bool) -> bool:
    """Return whether a column without a telling name numbers the rows: each value once, written like a number of cases.

    Bare numbers count in the first column, or where no header names them; else they may be amounts.
    """
    if p.unique < 0.99 or p.rows < 3 or p.missing > 0.01 or not is_id_like(p):
        return False
    return not p.number or first or name.startswith("column ")


def _comes_again(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, name: str) -> bool:
    """Return whether the rows of one id are the same case exported again: they agree on when it was opened."""
    openings = [
        n for n, p in columns.items()
        if p.time is not None and score_role_match(n, "created_at") > 0.5 and can_be_opening(n)
    ]  # fmt: skip
    if not openings:
        return False
    rows = frame[[name, *openings[:1]]].dropna()
    pairs = rows.drop_duplicates()
    return bool(len(pairs) <= 1.02 * rows[name].nunique() and rows[openings[0]].nunique() > 0.3 * rows[name].nunique())


def _read_times(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """Return the instants of a sample of each column of times, read as the source will be."""
    missing = list(SourceSpec("cases", "").missing)
    sample = frame.iloc[:: max(1, len(frame) // 5000)]
    names = [n for n, p in columns.items() if p.time is not None]
    texts = {n: sample[n].mask(sample[n].isin(missing)) if str(sample[n].dtype) == "str" else sample[n] for n in names}
    texts = {n: t.mask(find_empty_times(t)) for n, t in texts.items()}
    order = detect_date_order(list(texts.values()))
    return {n: parse_times(t, order=order).instants for n, t in texts.items()}


def _opening(
    columns: Mapping[str, ColumnProfile],
    taken: Mapping[str, str],
    times: Mapping[str, pd.Series[Any]],
    why: dict[str, str],
    where: str,
    ask: Ask | None = None,
) -> str:
    """Choose the column of the opening time: by its name, and else the time that comes before all others."""
    free = [
        n
        for n, p in columns.items()
        if p.time is not None and n not in taken.values() and p.missing < 0.5 and can_be_opening(n)
    ]
    named = find_best_column(columns, "created_at", lambda p: p.name in free)
    if named and score_role_match(named, "created_at") >= 0.5:
        return named
    first = [n for n in free if _is_first(n, times, [*free, *[taken[r] for r in CASE_TIMES if r in taken]])]
    if len(first) > 1 and len({round(score_role_match(n, "created_at"), 2) for n in first}) == 1:
        lines = [(n, f'[source.cases.columns] created_at = "{n}"') for n in first[:2]]
        question = "which time opens a case? No name tells, and the values do not either"
        if ask is None:
            raise UnclearReadingError(question, lines, where=where, code="reading.unclear")
        return first[ask(f"{where}: {question}", first[:2])]
    best = max(first or free, key=lambda n: score_role_match(n, "created_at"), default="")
    if not best:
        raise _no_opening(columns, taken, where)
    why["created_at"] = f"no column is named as an opening time; '{best}' comes first of the times: look whether it is"
    return best


def _is_first(name: str, times: Mapping[str, pd.Series[Any]], others: list[str]) -> bool:
    own = times[name]
    for other in others:
        both = own.notna() & times[other].notna()
        if other != name and both.any() and float((own[both] > times[other][both]).mean()) > 0.05:
            return False
    return True


def _no_opening(columns: Mapping[str, ColumnProfile], taken: Mapping[str, str], where: str) -> InputError:
    there = [n for n, p in columns.items() if p.time is not None]
    roles = {v: k.removesuffix("_at").replace("_", " ") for k, v in taken.items() if k != "case_id"}
    seen = [f"'{n}' ({roles[n]})" if n in roles else f"'{n}' (not an opening by its name)" for n in there]
    likely = next((n for n in there if n not in roles), there[0])
    lines = f'[source.cases.columns] created_at = "{likely}"'
    return UnclearReadingError(
        "missing opening time",
        [(f"if '{likely}' is it after all", lines)],
        where=where,
        code="time.none",
        got=Listed(seen),
        wanted="a column such as 'Created' or 'Opened'",
    )


def _end_without_name(
    columns: Mapping[str, ColumnProfile],
    taken: dict[str, str],
    times: Mapping[str, pd.Series[Any]],
    why: dict[str, str],
) -> None:
    """Take the one time of a file without header that lies after the opening and lacks for some cases as the end."""
    opening = taken["created_at"]
    if not opening.startswith("column "):
        return
    later = [
        n
        for n, p in columns.items()
        if p.time is not None and n != opening and n not in taken.values() and 0 < p.missing < 0.95
    ]
    later = [n for n in later if _is_first(opening, times, [n])]
    if len(later) == 1:
        taken["closed_at"] = later[0]
        why["created_at"] = (
            f"the file has no header: '{opening}' is there in each row and comes before '{later[0]}', which lacks in "
            "some and is taken as the end; give the names in [source.cases.columns] if that is wrong"
        )


def _contradictions(taken: Mapping[str, str], times: Mapping[str, pd.Series[Any]]) -> tuple[tuple[str, ...], str]:
    """Return what speaks against the times: ends before the opening, in more rows than mistakes would be; and which."""
    said, which = [], ""
    opening = times[taken["created_at"]]
    for role in ("resolved_at", "closed_at"):
        if role in taken:
            end = times[taken[role]]
            both = opening.notna() & end.notna()
            early = float((end[both] < opening[both].dt.normalize()).mean()) if both.any() else 0.0
            if early > MAX_ENDS_BEFORE:
                said.append(f"{early:.0%} of the times in '{taken[role]}' lie before '{taken['created_at']}'")
                which = role
    return tuple(said), which


def _score(
    columns: Mapping[str, ColumnProfile], taken: Mapping[str, str], ends: list[str], case: bool
) -> tuple[float, tuple[str, ...]]:
    """Return how well cases explain the file, and what speaks for it."""
    reasons = []
    score = 0.15
    if case:
        strength = score_role_match(taken["case_id"], "case_id")
        score += 0.25 + 0.15 * (strength >= 0.9)
        again = columns[taken["case_id"]].unique < MIN_ONCE
        reasons.append(f"'{taken['case_id']}' {'repeats as in exports put together' if again else 'is unique'}")
    opening = taken["created_at"].split(" + ")[0]
    if score_role_match(opening, "created_at") >= 0.8:
        score += 0.2
        reasons.append(f"'{opening}' is an opening")
    if ends:
        score += 0.2
        reasons.append(f"'{taken[ends[-1]]}' is an end")
    elif any(score_role_match(n, "activity") and p.time is None for n, p in columns.items()):
        score += 0.05
    return min(score, 1.0), tuple(reasons)
