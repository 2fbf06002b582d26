"""An event log, a log of states or the changes of a case: the column that repeats and starts each row's story."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from ..readers.timestamps import parse_times
from ..sources.status import classify_state
from .readings import Reading
from .roles import (
    ColumnProfile,
    ColumnRoles,
    find_best_column,
    guess_attributes,
    guess_segment_columns,
    is_constant_within,
)
from .vocabulary import (
    OTHER_OWNER_PATTERN,
    classify_activity,
    normalise_column_name,
    score_role_match,
    tells_how_long,
)

_ID_LIKE = re.compile(r"^[A-Za-z]{0,8}[-_#/ ]?\d{1,20}([-./]\d+)*$|^[0-9a-fA-F]{8,}(-[0-9a-fA-F]{4,})*$")
#: Names that say of which case a row is.
_CASE_NUMBER = re.compile(r"(case|ticket|incident|issue|conversation|service request|complaint) ?(id|number|no|nr|key)")
#: Share of rows on which a column that names cases has a value of its own, from which it may be their id.
MAX_UNIQUE_PARENT = 0.8
#: Share of rows whose state before is the state after of the row before, from which two columns are before and after.
MIN_FOLLOWS = 0.9
#: Columns that name the field that a row changes, and its new value.
_FIELD_NAMES = re.compile(r"(field|field ?name|field label|changed field|attribute|property|column|item|old field)")
_NEW_NAMES = re.compile(
    r"(new|new ?value|new string|to|to ?string|to value|value|after|added value|neuer wert|valor nuevo|novo valor)"
)
_STATUS_FIELD = re.compile(r"(status|state|incident state|ticket status|case status|stage)")

_PEOPLE = re.compile(
    r"\b(customer|client|caller|requester|reporter|contact|member|user|agent|technician|analyst|operator|assignee|owner|"
    r"author|team|group|queue|department|account)\b"
)
#: A column named after people, teams or things is the id of cases only where its stories begin so much more alike.
MIN_STORY_OF_OTHERS = 0.4


def is_id_like(p: ColumnProfile) -> bool:
    """Return whether the values of a column are written like numbers of cases."""
    if p.time is not None or p.clock or not p.values:
        return False
    return sum(bool(_ID_LIKE.match(v)) for v in p.values) >= 0.9 * len(p.values)


def find_story_columns(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> dict[str, float]:
    """Return the columns that repeat like the id of a case, with how surely a new value starts a story.

    A story starts alike: the first row of nearly each value has the same activity, which few other rows have. Names
    help; those of people, teams and things that have many cases do not count.
    """
    activity = _activity(columns)
    found: dict[str, float] = {}
    for name, p in columns.items():
        named = score_role_match(name, "case_id")
        most = 0.95 if named >= 0.9 and not others_number_rows(columns, name) else 0.1
        if p.time is not None or p.clock or not (0 < p.unique < 0.8) or p.missing > most or p.distinct < 2:
            continue
        if not named and tells_how_long(name):
            continue
        if not named and (not is_id_like(p) or p.distinct < max(3, 0.02 * p.rows)):
            continue
        at = _event_time(columns, frame, name)
        if not at:
            continue
        story = _story(frame, name, at, activity)
        other = not named and OTHER_OWNER_PATTERN.search(normalise_column_name(name))
        if not other or story >= MIN_STORY_OF_OTHERS:
            found[name] = story + 0.2 * named
    return found


def others_number_rows(columns: Mapping[str, ColumnProfile], name: str) -> bool:
    """Return whether another column than this one has an id on each row."""
    return any(
        n != name and score_role_match(n, "case_id") > 0 and p.unique > 0.9 and p.missing < 0.05 and p.time is None
        for n, p in columns.items()
    )


def find_repeated_parent(columns: Mapping[str, ColumnProfile], case: str) -> str:
    """Return the column that names cases and repeats, where the id of the rows says less: they are parts of cases.

    So has a table of comments an ``id`` and a ``ticket_id``. In a short one the latter may pass for an id of cases.
    """
    named = score_role_match(case, "case_id")
    own = columns.get(case)
    if own is not None and own.unique < MAX_UNIQUE_PARENT and _CASE_NUMBER.fullmatch(normalise_column_name(case)):
        return case if others_number_rows(columns, case) else ""
    return next(
        (
            n for n, p in columns.items()
            if n != case and named < 0.9 and _CASE_NUMBER.fullmatch(normalise_column_name(n))
            and p.time is None and 0 < p.unique < MAX_UNIQUE_PARENT and p.missing < 0.1 and p.distinct > 1
        ), "",
    )  # fmt: skip


def _event_time(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, case: str) -> str:
    """Return the column with the times of the events: the plainest name among those that differ within a case."""
    times = [n for n, p in columns.items() if p.time is not None and p.missing < 0.2]
    named = find_best_column(columns, "at", lambda p: p.name in times)
    ranked = [*([named] if named else []), *sorted(times, key=lambda n: columns[n].missing)]
    return next((n for n in ranked if not is_constant_within(frame, case, n)), "")


def _activity(columns: Mapping[str, ColumnProfile]) -> str:
    def fits(p: ColumnProfile) -> bool:
        return 2 <= p.distinct <= 500 and p.unique < max(0.2, 12 / max(p.rows, 1)) and p.time is None

    named = find_best_column(columns, "activity", fits)
    if named:
        return named
    spoken = {
        n: sum(bool(classify_activity(v) or classify_state(v)) for v in p.values) / max(1, len(p.values))
        for n, p in columns.items()
        if fits(p) and not p.number and p.distinct <= 60
    }
    best = max(spoken, key=lambda n: spoken[n], default="")
    return best if best and spoken[best] >= 0.4 else ""


def _state_after(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, case: str, at: str, activity: str) -> str:
    """Return the column with the state after each change, where the one found holds the state before it.

    The state before a change is the state after the one before, in every language. A column that is empty on the last
    row of a case holds what comes next instead, which is not known at that time.
    """
    if score_role_match(activity, "activity"):
        return activity
    rows = frame.assign(_at=parse_times(frame[at]).instants).dropna(subset=["_at"])
    rows = rows.sort_values([case, "_at"], kind="stable")
    later = rows[case].eq(rows[case].shift())
    last = rows[case].ne(rows[case].shift(-1))
    if not later.any():
        return activity
    for name, p in columns.items():
        if name in (case, at, activity) or p.time is not None or not set(p.values) & set(columns[activity].values):
            continue
        follows = (rows[activity] == rows[name].shift())[later].mean()
        mirrored = (rows[name] == rows[activity].shift())[later].mean()
        ends = rows.loc[last, name].fillna("").astype(str).str.strip().ne("").mean()
        if min(follows, ends) >= MIN_FOLLOWS > mirrored:
            return name
    return activity


def _story(frame: pd.DataFrame, case: str, at: str, activity: str) -> float:
    """Return how much more alike the first rows of each value are than rows are in general, from 0 to 1."""
    if not activity:
        return 0.0
    rows = pd.DataFrame({"case": frame[case], "at": parse_times(frame[at]).instants, "what": frame[activity]})
    rows = rows.dropna(subset=["case", "at"]).sort_values(["case", "at"], kind="stable")
    if rows.empty:
        return 0.0
    first = rows.drop_duplicates("case")["what"].value_counts(normalize=True)
    among = rows["what"].value_counts(normalize=True)
    top = str(first.index[0]) if len(first) else ""
    return float(first.iloc[0] - among.get(top, 0.0)) if len(first) else 0.0


def read_as_events(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> Reading | None:
    """Return the reading of a file as an event log, a log of states or changes of cases; ``None`` if it is none."""
    stories = find_story_columns(columns, frame)
    change = _change_columns(columns)
    activity = " + ".join(change) if change else _activity(columns)
    if not (stories and activity):
        return None
    case = max(stories, key=lambda n: (score_role_match(n, "case_id") >= 0.9, stories[n]))
    if not change and is_constant_within(frame, case, activity):
        return None
    at = _event_time(columns, frame, case)
    activity = activity if change else _state_after(columns, frame, case, at, activity)
    taken = {"case_id": case, "at": at, "activity": activity}
    used = {case, at, *activity.split(" + ")}
    actor = find_best_column(columns, "actor_id", lambda p: p.name not in used and p.distinct > 1 and p.time is None)
    if actor:
        taken["actor_id"] = actor
    roles = ColumnRoles(columns, taken)
    segments = guess_segment_columns(roles)
    mapped = {**taken, **segments}
    kinds = _changed_kinds(frame, *change) if change else _kinds(columns[activity].values)
    attributes, leakage = guess_attributes(ColumnRoles(columns, mapped), frame, case)
    p = columns[case]
    mean = 1 / p.unique if p.unique else 0
    named = score_role_match(case, "case_id")
    why = {
        "table": f"'{case}' repeats, {mean:.1f} rows a value, and '{activity}' changes within it",
        "kinds": "read from the words of the activities; the others are kept as they are",
    }
    people = _PEOPLE.search(normalise_column_name(case)) if not named else None
    against = (f"'{case}' names people or teams, though its rows begin like those of a case",) if people else ()
    if not named:
        why["case_id"] = f"'{case}' repeats, and its first rows are alike: each value is one case"
    found = {
        "shape": "event log", "table": "events", "columns": mapped, "kinds": kinds, "attributes": attributes,
        "segments": {r: columns[c].distinct for r, c in segments.items()}, "leakage": leakage, "why": why,
    }  # fmt: skip
    score = 0.3 + 0.3 * (named >= 0.9) + 0.1 * (0 < named < 0.9) + 0.2 * bool(kinds) + 0.4 * max(0.0, stories[case])
    reasons = (f"'{case}' repeats {mean:.1f} times", f"'{activity}' changes within it")
    return Reading("event log", min(score, 1.0), found, reasons, against)


def _kinds(values: tuple[str, ...]) -> dict[str, str]:
    kinds = {a: k for a in values if (k := classify_activity(a))}
    if len(kinds) >= 2 or not values:
        return kinds
    classes = {a: classify_state(a) for a in values}  # words of a log of states
    return kinds | {a: k for a, k in classes.items() if k in ("paused", "resolved", "closed", "merged")}


def _change_columns(columns: Mapping[str, ColumnProfile]) -> tuple[str, str] | None:
    """Return the columns with the changed field and its new value, where a row is a change of one field."""
    fields = [n for n, p in columns.items() if _FIELD_NAMES.fullmatch(normalise_column_name(n)) and p.distinct > 1]
    news = [n for n in columns if _NEW_NAMES.fullmatch(normalise_column_name(n)) and n not in fields]
    return (fields[0], news[0]) if fields and news else None


def _changed_kinds(frame: pd.DataFrame, field: str, new: str) -> dict[str, str]:
    """Return what the changes of the state mean: text of field and value -> kind of event."""
    status = frame[frame[field].map(lambda f: bool(_STATUS_FIELD.fullmatch(normalise_column_name(str(f)))))]
    kinds: dict[str, str] = {}
    for name, value in status[[field, new]].drop_duplicates().itertuples(index=False):
        kind = classify_activity(str(value)) or classify_state(str(value))
        if kind in ("paused", "resolved", "closed", "merged", "reopened", "resumed"):
            kinds[f"{name} {value}"] = kind
    return kinds


def describe_story(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """Return the column that repeats most like the id of a case, with what speaks against numbering the rows."""
    said: list[tuple[str, str]] = []
    for name, score in sorted(find_story_columns(columns, frame).items(), key=lambda s: -s[1])[:1]:
        p = columns[name]
        if score >= 0.2 or is_id_like(p):
            said.append(
                (name, f"the rows would be numbered, though '{name}' repeats like an id ({p.distinct:,} values)")
            )
    return tuple(said)


def describe_unused_id(columns: Mapping[str, ColumnProfile]) -> tuple[tuple[str, str], ...]:
    """Return a column that is called the id of a case and does not number the rows, with what speaks against that."""
    named = [
        (n, p) for n, p in columns.items()
        if score_role_match(n, "case_id") >= 0.9 and p.distinct > 1 and p.time is None and not p.clock
        and not tells_how_long(n)
    ]  # fmt: skip
    said = "the rows would be numbered, though '{}' names cases ({:,}; {:.0%} of the rows have none)"
    return tuple((n, said.format(n, p.distinct, p.missing)) for n, p in named[:1])
