"""What an adapter hands over: cases with their present state, pieces of events by part, and surveys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..case_log.schema import DECIDED_VALUE, AttributeTiming
from .columns import ImportReport
from .export import ExportRows

#: Servers stamp one action with times this far apart; an event so little before its case is as of its creation.
MAX_CLOCK_SKEW = pd.Timedelta("60s")
#: Descriptions of a case that its history may take back to their first values.
SEGMENT_COLUMNS = ("channel", "product", "region", "case_type", "priority", "customer_id", "team")


@dataclass
class Piece:
    """Events of one part: ``case_id``, ``at``, ``kind`` and further columns of ``events``, with the account of them.

    ``event_id`` tells events apart, ``order`` is the source's own running number. A row without a kind is no event.
    A piece is ``derived`` if its rows come from those of another piece, which gives account of what was refused.
    """

    rows: pd.DataFrame
    ledger: ImportReport
    derived: bool = False


@dataclass
class ExportPieces:
    """Everything that one export gives: cases as they are, pieces of events, surveys, due times, and settings."""

    kind: str
    cases: ExportRows
    events: list[Piece] = field(default_factory=list)
    surveys: Piece | None = None
    due_times: pd.DataFrame | None = None
    state_meanings: Mapping[str, str] = field(default_factory=dict)
    history: bool = False
    notes: list[str] = field(default_factory=list)
    also: list[ImportReport] = field(default_factory=list)
    attributes: dict[str, AttributeTiming] = field(default_factory=dict)
    stated: tuple[str, ...] = ()


def build_piece(taken: ExportRows, **columns: Any) -> Piece:
    """Return the rows of a part as events; columns are given as values or as series of the part's rows."""
    return Piece(pd.DataFrame(columns, index=taken.rows.index), taken.ledger)


def build_sla_flag_events(
    taken: ExportRows, case_id: Any, name: Any, started: Any, broken: Any, done: Any = None
) -> list[Piece]:
    """Return the system's own promises as events: kept when the clock starts, broken when its target passed.

    An event of kind ``field`` carries the name of the promise and ``true`` or ``false``; a promise that broke once
    stays broken. Where the system says when a promise was completed (``done``), ``decided`` stands at that time, or at
    the breach if that came first. So ``[[sla]]`` with ``clock = "source"`` and this name as its metric reads them.
    """
    slug = name.astype("str").str.strip().str.lower().str.replace(r"[^a-z0-9]+", "_", regex=True).str.strip("_")
    key = case_id.astype("str") + " " + slug
    first = started.groupby(key).transform("min")
    opens = started.where((started == first) & ~(key + " " + started.astype("str")).duplicated())
    breaks = broken.where(broken.notna(), pd.NaT)
    told = [(opens, "true"), (breaks, "false")]
    if done is not None:
        made = started.notna().groupby(key).transform("any")  # a clock that ran without a promise decides nothing
        told.append((done.where(done.notna() & ~(done > breaks), breaks).where(made), DECIDED_VALUE))
    parts = []
    for at, value in told:
        kind = pd.Series("field", index=taken.rows.index).where(at.notna())
        parts.append(build_piece(taken, case_id=case_id, at=at, kind=kind, field=slug, new=value))
    return parts


def build_due_times(
    case_id: pd.Series[Any],
    metric: Any,
    due_at: pd.Series[Any],
    set_at: pd.Series[Any] | None = None,
    *,
    with_emptied: bool = False,
) -> pd.DataFrame:
    """Return due times as a table; with those that were taken away (``with_emptied``) a missing one means that.

    Rows without a case are none. Without ``set_at`` nothing says since when they stood.
    """
    if set_at is None:
        set_at = pd.Series(pd.NaT, index=case_id.index, dtype="datetime64[us, UTC]")
    frame = pd.DataFrame({"case_id": case_id, "metric": metric, "due_at": due_at, "set_at": set_at})
    kept = frame["case_id"].notna() & frame["metric"].notna() & (frame["due_at"].notna() | with_emptied)
    return frame[kept].reset_index(drop=True)


def build_first_teams(cases: ExportRows, changes: pd.DataFrame) -> Piece:
    """Return the team that each case was created with, as its first assignment: hand-overs are counted from there.

    Parameters
    ----------
    cases
        With today's ``team``.
    changes
        All changes of team, with ``case_id``, ``at``, ``old`` and ``new``, in the order in which they happened.
    """
    first = changes[changes["field"] == "team"].sort_values("at", kind="stable").drop_duplicates("case_id")
    first = first.set_index("case_id")
    ids = cases.rows["case_id"]
    at = cases.rows["created_at"]
    team = cases.rows["team"].where(~ids.isin(first.index), look_up_by_case(ids, first["old"]))
    kind = pd.Series("assigned", index=ids.index).where(team.notna() & ids.notna())
    return build_piece(cases, case_id=ids, at=at, kind=kind, field="team", new=team, team=team, order=-1.0)


def read_openings_by_agents(messages: pd.DataFrame, created: pd.Series[Any]) -> pd.DataFrame:
    """Read what an agent writes as the opening message of a case as its description: it replies to nobody.

    Parameters
    ----------
    messages
        With ``case_id``, ``at``, ``order``, ``kind`` and ``actor_role``.
    created
        When each case was created, by case; the opening message is saved at most a minute after it.
    """
    born = look_up_by_case(messages["case_id"], created)
    age = messages["at"] - born
    written = (messages["kind"] == "message") & (messages["actor_role"] != "system")
    near = messages[written & (age >= -MAX_CLOCK_SKEW) & (age <= MAX_CLOCK_SKEW)]
    first = near.sort_values(["at", "order"], kind="stable").drop_duplicates("case_id")
    opening = messages.index.isin(first.index[first["actor_role"] == "agent"])
    field = pd.Series("description", index=messages.index).where(opening)
    return messages.assign(kind=messages["kind"].mask(opening, "field"), field=field)


def look_up_by_case(ids: pd.Series[Any], table: pd.Series[Any]) -> pd.Series[Any]:
    """Return the value that a table keyed by case has for each id."""
    return table.reindex(ids).set_axis(ids.index)
