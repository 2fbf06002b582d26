"""How a ticket of GLPI went on: its log, whose rows name the field by the number of a search option.

Texts in the log are in the language of who changed something, so that only numbers and ids are read. Who is assigned
is added and taken away; the first who is assigned counts.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..calendars.due_instants import drop_empty_instants, drop_empty_marks
from ..readers.timestamps import parse_times
from .columns import ImportReport
from .export import ExportRows
from .lookups import Labels
from .pieces import Piece, build_due_times, build_piece, look_up_by_case
from .spec import SourceSpec

#: Search option -> kind of event, the canonical name of the field, and the look-up of its ids.
OPTIONS: Mapping[str, tuple[str, str, str]] = {
    "12": ("status", "state", ""),
    "3": ("priority", "priority", ""),
    "7": ("field", "product", "categories"),
    "9": ("field", "channel", "channels"),
    "14": ("field", "case_type", ""),
    "80": ("field", "region", "entities"),
}
_NUMBERED = {"state": "status", "priority": "priority", "case_type": "case_type"}
#: Search option of who is assigned -> canonical name of the field.
ACTORS: Mapping[str, str] = {"5": "agent", "8": "team"}
#: Search option of a due time -> metric, and where the ticket keeps it.
DUES: Mapping[str, tuple[str, str]] = {"155": ("first_response", "first_due"), "18": ("resolution", "due")}
_ADDED, _REMOVED, _CREATED = "15", "16", "20"
_ASSIGNED, _REQUESTER = "2", "1"
_ID = r"\((\d+)\)\s*$"


@dataclass(frozen=True)
class TicketLog:
    """What the log tells: pieces of events, changes of the team, changes of due times, and whose log is whole."""

    pieces: list[Piece]
    changes: pd.DataFrame
    dues: pd.DataFrame
    whole: set[str]


def read_log(
    taken: ExportRows,
    tickets: ExportRows,
    labels: Mapping[str, Labels],
    names: Mapping[str, Mapping[str, str]],
    people: pd.DataFrame,
    groups: pd.DataFrame,
) -> TicketLog:
    """Read the changes of tickets.

    Parameters
    ----------
    labels
        Look-up -> labels of its ids.
    names
        Field -> names of its numbers, such as those of the status.
    people, groups
        Who has to do with each ticket today: ``case_id``, ``id``, ``type``.
    """
    rows = taken.rows
    known = rows["item_id"].isin(tickets.rows["case_id"])
    ids = {side: _find_ids(rows[side], rows[f"{side}_id"]) for side in ("old", "new")}
    order = pd.to_numeric(rows["event_id"], errors="coerce")
    actor = rows["actor"].str.extract(_ID, expand=False)
    role = _roles(rows["item_id"], actor, people)
    kind = rows["option"].map({k: v[0] for k, v in OPTIONS.items()}).where(rows["item_id"].notna())
    field = rows["option"].map({k: v[1] for k, v in OPTIONS.items()})
    told = {side: _name(rows[side], ids[side], rows["option"], labels, names) for side in ("old", "new")}
    change = build_piece(
        taken, case_id=rows["item_id"], at=rows["at"], kind=kind, field=field, old=told["old"], new=told["new"],
        order=order, actor_id=actor, actor_role=role, event_id=("log " + rows["event_id"]).where(kind.notna()),
    )  # fmt: skip
    line = pd.DataFrame(
        {"case_id": rows["item_id"], "at": rows["at"], "order": order, "option": rows["option"],
         "action": rows["action"], "link": rows["link"], "old": ids["old"], "new": ids["new"], "old_text": rows["old"],
         "new_text": rows["new"], "actor_id": actor, "actor_role": role}
    )[taken.ledger.accepted & known.to_numpy()].sort_values(["case_id", "at", "order"], kind="stable")  # fmt: skip
    moves = _assignments(line, people, groups)
    moves["old"], moves["new"] = (moves[s].mask(moves["field"] == "team", labels["teams"].label(moves[s]))
                                  for s in ("old", "new"))  # fmt: skip
    moves = moves.assign(kind="assigned", team=moves["new"].where(moves["field"] == "team"))
    ledger = ImportReport("logs", taken.ledger.where, len(moves))
    ledger.numbers = moves.index.to_numpy() if taken.ledger.numbers is None else taken.ledger.numbers[moves.index]
    dues = line[line["option"].isin(list(DUES))]
    return TicketLog(
        [change, Piece(moves, ledger, derived=True)], moves[moves["field"] == "team"], dues, _whole_logs(line, tickets)
    )


def _find_ids(text: pd.Series[Any], own: pd.Series[Any]) -> pd.Series[Any]:
    """Return the id of a value: a column of its own, ``Name (12)``, or the plain number."""
    number = text.where(text.fillna("").str.fullmatch(r"-?\d+"))
    found = own.mask(own == "0").fillna(text.str.extract(_ID, expand=False)).fillna(number)
    return found.astype("str").where(found.notna())


def _name(
    text: pd.Series[Any],
    ids: pd.Series[Any],
    option: pd.Series[Any],
    labels: Mapping[str, Labels],
    names: Mapping[str, Mapping[str, str]],
) -> pd.Series[Any]:
    """Return what values are called today; one without an entry keeps the words that it had."""
    out = pd.Series(None, index=text.index, dtype="str")
    words = text.str.replace(_ID, "", regex=True).str.strip().map(html.unescape, na_action="ignore")
    words = words.mask(words.isin(["", "&nbsp;", "\u00a0"]))
    for number, (_, field, lookup) in OPTIONS.items():
        here = option == number
        own = ids.map(dict(names[_NUMBERED[field]])).fillna(ids) if not lookup else None
        said = labels[lookup].label(ids, words) if own is None else own
        out = out.mask(here, said)
    return out


def _roles(case_id: pd.Series[Any], actor: pd.Series[Any], people: pd.DataFrame) -> pd.Series[Any]:
    """Return who changed something: the requester, an agent, or GLPI itself where nobody is named."""
    key = case_id.astype("str") + " " + actor.astype("str")
    of = people["case_id"] + " " + people["id"]
    asked = key.isin(set(of[people["type"] == _REQUESTER]) - set(of[people["type"] == _ASSIGNED]))
    return pd.Series("agent", index=key.index).mask(asked, "customer").mask(actor.isna(), "system")


def _assignments(line: pd.DataFrame, people: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Return the changes of who is the first that is assigned, with ``old`` and ``new`` as ids."""
    found: list[tuple[Any, ...]] = []
    kept = line[line["action"].isin([_ADDED, _REMOVED])]
    for field, actors, link in (("agent", people, "User"), ("team", groups, "Group")):
        number = next(o for o, f in ACTORS.items() if f == field)
        now = actors[actors["type"] == _ASSIGNED]
        # older versions do not say as what somebody was added: not as assigned who asks or looks on today
        others = actors[actors["type"] != _ASSIGNED]
        who = kept["case_id"] + " " + kept["new"].fillna(kept["old"])
        works = ~who.isin(set(others["case_id"] + " " + others["id"])) & (kept["link"] == link)
        mine = kept[(kept["option"] == number) | (kept["option"].isin(["0", ""]) & works)]
        at_end = now.groupby("case_id")["id"].agg(list)
        for case, rows in mine.groupby("case_id", sort=False):
            steps = rows.itertuples()
            found += [(*step, case, field) for step in _follow_assigned(list(steps), at_end.get(case, []))]
    names = ["place", "at", "old", "new", "order", "actor_id", "actor_role", "case_id", "field"]
    out = pd.DataFrame(found, columns=names).set_index("place")
    out["at"] = pd.to_datetime(out["at"], utc=True).dt.as_unit("us")
    return out.astype({"old": "str", "new": "str", "case_id": "str", "field": "str", "order": "float64"})


def _follow_assigned(steps: list[Any], at_end: list[str]) -> Iterator[tuple[Any, ...]]:
    """Yield each change of the first who is assigned; what happens within one second is one change."""
    added = {s.new for s in steps if s.action == _ADDED}
    # who was taken away and never added, or is there and never was added, was there from the beginning
    gone = [s.old for s in steps if s.action == _REMOVED and s.old not in added]
    there = list(dict.fromkeys([*gone, *[one for one in at_end if one not in added]]))
    before = there[0] if there else None
    for number, step in enumerate(steps):
        who = step.new if step.action == _ADDED else step.old
        if step.action == _ADDED and who not in there:
            there.append(who)
        elif step.action == _REMOVED and who in there:
            there.remove(who)
        if number + 1 < len(steps) and steps[number + 1].at == step.at:
            continue
        now = there[0] if there else None
        if now != before:
            yield step.Index, step.at, before, now, step.order, step.actor_id, step.actor_role
        before = now


def _whole_logs(line: pd.DataFrame, tickets: ExportRows) -> set[str]:
    """Return the tickets whose log is there from the creation to today's status: nothing of it was purged."""
    made = set(line.loc[line["action"] == _CREATED, "case_id"])
    last = line[line["option"] == "12"].drop_duplicates("case_id", keep="last").set_index("case_id")["new"]
    rows = tickets.accepted_rows()
    told = look_up_by_case(rows["case_id"], last)
    agrees = (told == rows["status"]) | (told.isna() & rows["status"].isin(["1", "2", "3", "10"]))
    return made & set(rows.loc[agrees, "case_id"])


def read_due_times(tickets: ExportRows, log: TicketLog | None, spec: SourceSpec, notes: list[str]) -> pd.DataFrame:
    """Return when tickets were due, with when each due time was set as far as the log proves it.

    GLPI moves the times on when a ticket has waited, and logs each change with the value before. So where the log of a
    ticket is whole, its first due time stood from the creation on; else nothing says since when.
    """
    parts = []
    rows = tickets.accepted_rows().drop_duplicates("case_id", keep="last")
    created = rows.set_index("case_id")["created_at"]
    for option, (metric, role) in DUES.items():
        changed = log.dues[log.dues["option"] == option] if log is not None else rows.iloc[:0]
        whole = rows["case_id"].isin(log.whole) if log is not None else pd.Series(False, index=rows.index)
        first = build_due_times(rows["case_id"], metric, rows[role], rows["created_at"].where(whole))
        parts.append(first[~first["case_id"].isin(changed["case_id"])])
        if changed.empty:
            continue
        told = {side: _parse(changed[f"{side}_text"], spec, notes) for side in ("old", "new")}
        begins = ~changed["case_id"].duplicated()
        start = look_up_by_case(changed["case_id"], created)
        old = told["old"].where(begins)
        parts.append(build_due_times(changed["case_id"], metric, old, start.where(old.notna())))
        parts.append(build_due_times(changed["case_id"], metric, told["new"], changed["at"], with_emptied=True))
    every: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return every


def _parse(values: pd.Series[Any], spec: SourceSpec, notes: list[str]) -> pd.Series[Any]:
    """Read times in the log, which are text on the application's clock."""
    texts = drop_empty_marks(values.mask(values.fillna("").str.strip() == ""))
    read = parse_times(texts, spec.timezone)
    if lost := int(read.bad.sum()):
        notes.append(f"glpi: {lost:,} due times of the log cannot be read, and count as taken away")
    due: pd.Series[Any] = drop_empty_instants(read.instants).dt.as_unit("us")
    return due
