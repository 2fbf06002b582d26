"""Zendesk Support: tickets, audits, ticket events, field history, comments, ratings and metric events.

Names and meanings follow the Zendesk developer documentation ("Tickets", "Ticket Audits" and "Ticket Audit events
reference", "Incremental Exports", "Ticket Metric Events" and "Ticket metric event types reference", "Satisfaction
Ratings", "Users" at developer.zendesk.com), and for replicated tables the schema that the dbt package of
fivetran/dbt_zendesk documents. Read are the incremental export (one object around a list, also page by page in JSON
lines), lists of records, and tables. A ticket shows today's values; its history takes them back.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..readers.elapsed import parse_elapsed
from .assemble import assemble
from .columns import ImportReport
from .export import ExportRows, ExportTable
from .lookups import read_system_tables
from .nested_lists import explode_list
from .pieces import ExportPieces, Piece, build_piece, build_sla_flag_events, look_up_by_case
from .promises import add_stated_due_times, read_stated_due_times
from .satisfaction import build_surveys, score_answers
from .spec import LoadedSource, SourceSpec
from .zendesk_due_times import read_metric_due_times, read_policy_due_times

_INSTANT_KINDS = {"at": "instant"}
_TICKET = ("ticket_id",)
EXPORT_TABLES = (
    ExportTable(
        "tickets", ("ticket",),
        {
            "case_id": ("id", "ticket_id"), "created_at": ("created_at",), "updated_at": ("updated_at",),
            "state": ("status",), "channel": ("via.channel", "via"), "case_type": ("type",), "priority": ("priority",),
            "product": ("brand_id",), "customer_id": ("requester_id", "requester"), "team": ("group_id", "group"),
            "resolved_at": ("metric_set.solved_at", "solved_at"), "tags": ("tags",),
            "merged_ids": ("merged_ticket_ids",),
            "first_reply_min": ("metric_set.reply_time_in_minutes.calendar", "First reply time in minutes"),
            "satisfaction": ("satisfaction_rating.score", "Satisfaction Score"),
            "policy_metrics": ("slas.policy_metrics",), "due": ("due_at", "Due date"),
        },
        ("case_id", "created_at"), ("state", "customer_id", "team"),
        {"created_at": "instant", "updated_at": "instant", "resolved_at": "instant"},
    ),
    ExportTable(
        "ticket_events", (),
        {
            "case_id": _TICKET, "at": ("created_at", "timestamp"), "actor_id": ("updater_id",), "event_id": ("id",),
            "events": ("child_events",),
        },
        ("case_id", "at", "events"), (), _INSTANT_KINDS,
    ),
    ExportTable(
        "audits", ("audit", "ticket_audits"),
        {
            "case_id": _TICKET, "at": ("created_at",), "actor_id": ("author_id",), "event_id": ("id",),
            "events": ("events",), "rel": ("via.source.rel",),
        },
        ("case_id", "at", "events"), (), _INSTANT_KINDS,
    ),
    ExportTable(
        "history", ("ticket_field_history", "field_history"),
        {
            "case_id": _TICKET, "at": ("updated", "updated_at"), "field": ("field_name",), "new": ("value",),
            "actor_id": ("user_id",),
        },
        ("case_id", "at", "field"), ("new",), _INSTANT_KINDS,
    ),
    ExportTable(
        "comments", ("ticket_comment", "ticket_comments"),
        {
            "case_id": _TICKET, "at": ("created", "created_at"), "public": ("public",), "event_id": ("id",),
            "actor_id": ("user_id", "author_id"),
        },
        ("case_id", "at"), ("public",), {"at": "instant", "public": "flag"},
    ),
    ExportTable(
        "ratings", ("satisfaction_ratings", "satisfaction_rating"),
        {
            "survey_id": ("id",), "case_id": _TICKET, "offered_at": ("created_at",), "updated_at": ("updated_at",),
            "score": ("score",), "agent_id": ("assignee_id",),
        },
        ("survey_id", "offered_at", "score"), ("case_id",), {"offered_at": "instant", "updated_at": "instant"},
    ),
    ExportTable(
        "metric_events", ("ticket_metric_events", "ticket_metric_event"),
        {
            "case_id": _TICKET, "at": ("time",), "metric": ("metric",), "type": ("type",), "instance": ("instance_id",),
            "event_id": ("id",), "deleted": ("deleted",), "sla": ("sla",), "target_min": ("sla.target",),
            "target_s": ("sla.target_in_seconds",), "in_hours": ("sla.business_hours",),
        },
        ("case_id", "at", "metric", "type"), (),
        {
            "at": "instant", "instance": "number", "deleted": "flag", "target_min": "number", "target_s": "number",
            "in_hours": "flag",
        },
    ),
    ExportTable(
        "metrics", ("ticket_metrics", "metric_sets", "ticket_metric"),
        {"case_id": _TICKET, "resolved_at": ("solved_at",), "reopens": ("reopens",)},
        ("case_id",), ("resolved_at", "reopens"), {"resolved_at": "instant"},
    ),
    ExportTable("users", ("user",), {"user_id": ("id",), "role": ("role",)}, ("user_id",), ("role",)),
)  # fmt: skip

#: Field of a ticket -> kind of event and the canonical name of the field.
FIELDS = {
    "status": ("status", "state"),
    "priority": ("priority", "priority"),
    "group_id": ("assigned", "team"),
    "assignee_id": ("assigned", "agent"),
    "type": ("field", "case_type"),
    "brand_id": ("field", "product"),
    "requester_id": ("field", "customer_id"),
}
#: Answer -> points of five; what is not here is a number of its own or no answer.
RATING_SCORES = {"good": 5.0, "good_with_comment": 5.0, "bad": 1.0, "bad_with_comment": 1.0}
#: One event of an audit, or one child event of a ticket event.
_EVENT = ExportTable(
    "events", (),
    {
        "event_id": ("id",), "type": ("type", "event_type"), "field": ("field_name",), "new": ("value",),
        "old": ("previous_value",), "public": ("public",), "author": ("author_id",), "present": ("comment_present",),
        "comment_public": ("comment_public",), **{name: (name,) for name in FIELDS if name != "type"},
        "ticket_type": ("ticket_type",),
    },
    (), (), {"public": "flag", "present": "flag", "comment_public": "flag"},
)  # fmt: skip


def load(spec: SourceSpec, folder: Path) -> LoadedSource:
    """Read an export of Zendesk: at least the tickets, and whatever else there is.

    Raises
    ------
    InputError
        If there are no tickets, or nothing can be used.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "ticket.csv").write_text("id,created_at,status,requester_id,group_id\\n"
    ...                                        "7,2024-03-01T09:00:00Z,solved,901,11\\n")
    >>> _ = (folder / "ticket_field_history.csv").write_text("ticket_id,field_name,updated,value,user_id\\n"
    ...     "7,status,2024-03-01T09:00:00Z,new,901\\n7,status,2024-03-02T09:00:00Z,solved,701\\n")
    >>> load(SourceSpec("cases", str(folder), kind="zendesk"), Path()).tables["events"]["kind"].tolist()
    ['created', 'status', 'status', 'resolved']
    """
    _, notes, _, taken = read_system_tables(EXPORT_TABLES, {}, "tickets", spec, folder)
    logs = [taken[n] for n in ("audits", "ticket_events") if n in taken]
    tickets = _tickets(taken["tickets"], taken.get("metrics"))
    pieces = ExportPieces("zendesk", tickets, history=bool(logs) or "history" in taken, notes=notes)
    roles = _roles(taken.get("users"), tickets)
    if "users" not in taken and (logs or "comments" in taken):
        notes.append("zendesk: without a table of users, who is not the requester counts as an agent")
    for log in logs:
        pieces.events += _audits(log, spec, roles, with_comments="comments" not in taken)
    if "history" in taken:
        pieces.events.append(_history(taken["history"]))
    if "comments" in taken:
        pieces.events.append(_comments(taken["comments"], roles))
    pieces.events = [_opened_by_agent(one, tickets) for one in pieces.events]
    if "metric_events" in taken:
        pieces.events += _metric_events(taken["metric_events"])
    pieces.due_times = _due_times(spec, taken, notes)
    if "ratings" in taken:
        pieces.surveys = _ratings(taken["ratings"])
    if not any(n in taken for n in ("audits", "ticket_events", "comments")):
        pieces.events += _first_replies(tickets)
    if "ratings" not in taken:
        pieces.surveys = _answers(tickets)
    pieces.also = [t.ledger for t in taken.values()]
    loaded = assemble(spec, pieces)
    return loaded if "ratings" in taken else replace(loaded, derived=("surveys",))


def _tickets(taken: ExportRows, metrics: ExportRows | None) -> ExportRows:
    rows = taken.rows
    merged = rows["tags"].fillna("").str.contains(r"\bclosed_by_merge\b", regex=True)
    merged |= rows["case_id"].isin(rows["merged_ids"].dropna().str.findall(r"\d+").explode())
    resolved = rows["resolved_at"]
    if metrics is not None:
        known = metrics.accepted_rows().drop_duplicates("case_id", keep="last").set_index("case_id")["resolved_at"]
        resolved = resolved.fillna(known.reindex(rows["case_id"]).set_axis(rows.index))
    return ExportRows(rows.assign(merged=merged, resolved_at=resolved), taken.ledger, taken.raw)


def _first_replies(taken: ExportRows) -> list[Piece]:
    """Read the first reply of a view's export, which has no comments: how many minutes after the opening it came."""
    rows = taken.rows
    took = parse_elapsed(rows["first_reply_min"], "min").seconds
    there = took.notna() & (took >= 0) & rows["created_at"].notna()
    if not there.any():
        return []
    taken.ledger.add_note("the first reply is the opening plus the minutes that Zendesk gives: there are no comments")
    at = (rows["created_at"] + pd.to_timedelta(took.where(there).round(), unit="s")).dt.as_unit("us")
    kind = pd.Series("message", index=rows.index).where(there)
    return [build_piece(taken, case_id=rows["case_id"], at=at, kind=kind, public=True, actor_role="agent")]


def _answers(taken: ExportRows) -> Piece | None:
    """Read the answers on satisfaction that the tickets have; when they came is not told, so at the last change."""
    rows = taken.rows
    points, asked, unknown = score_answers(rows["satisfaction"])
    surveys = build_surveys(rows, points, asked & ~unknown, rows["resolved_at"].fillna(rows["updated_at"]))
    if surveys["score"].notna().sum() == 0:
        return None
    taken.ledger.add_note(
        "answers on satisfaction are known from the solution of their ticket: when they came is not told"
    )
    return Piece(surveys, ImportReport("surveys", taken.ledger.where, len(surveys)))


def _roles(users: ExportRows | None, tickets: ExportRows) -> tuple[dict[str, str], pd.Series[Any]]:
    """Return the role of each user, and the requester of each ticket."""
    asked = tickets.accepted_rows().drop_duplicates("case_id", keep="last").set_index("case_id")["customer_id"]
    if users is None:
        return {}, asked
    kept = users.accepted_rows()
    side = kept["role"].fillna("").str.lower().map({"end-user": "customer", "agent": "agent", "admin": "agent"})
    return dict(zip(kept["user_id"], side.fillna("agent"), strict=True)), asked


def _role(who: pd.Series[Any], case_id: pd.Series[Any], roles: tuple[dict[str, str], pd.Series[Any]]) -> pd.Series[Any]:
    """Return the role of an author: of the table of users, else whether the author is the requester."""
    known, asked = roles
    requester = asked.reindex(case_id).set_axis(case_id.index)
    guess = pd.Series("agent", index=who.index).mask(who == requester, "customer").mask(who == "-1", "system")
    return who.map(known).astype("str").where(who.isin(list(known)), guess).where(who.notna())


def _audits(taken: ExportRows, spec: SourceSpec, roles: Any, *, with_comments: bool) -> list[Piece]:
    """Read the events inside audits, and the child events inside ticket events."""
    inner = explode_list(taken, "events", _EVENT, spec, ("case_id", "at", "actor_id"))
    if inner is None:
        return []
    rows = inner.rows
    order = pd.to_numeric(rows["event_id"], errors="coerce")
    common = {"case_id": rows["case_id"], "at": rows["at"], "order": order}
    change = rows["type"].isin(["Change", "Create"])
    # an audit names the field; a ticket event has it as a key of its own, and a Create all of them at once
    parts = [_change(inner, change & rows["field"].notna(), rows["field"], rows["old"], rows["new"], order, True)]
    for name in FIELDS:
        column = "ticket_type" if name == "type" else name
        there = change & rows["field"].isna() & rows[column].notna()
        if there.any():
            named = pd.Series(name, index=rows.index)
            parts.append(
                _change(inner, there, named, rows["old"].where(rows["type"] == "Change"), rows[column], order, False)
            )
    voice = rows["type"].isin(["Comment", "VoiceComment", "FacebookComment"])
    bare = (rows["present"] == True) & ~voice  # noqa: E712 - a missing flag is no comment
    if with_comments:
        public = rows["public"].fillna(rows["comment_public"]).fillna(True)
        said = voice | bare.fillna(False)
        author = rows["author"].fillna(rows["actor_id"])
        kind = pd.Series("message", index=rows.index).where(said)
        parts.append(
            build_piece(
                inner,
                kind=kind,
                public=public,
                actor_role=_role(author, rows["case_id"], roles),
                actor_id=author,
                **common,
            )
        )
    return parts


def _change(taken: ExportRows, mask: Any, name: Any, old: Any, new: Any, order: Any, numbered: bool) -> Piece:
    rows = taken.rows
    kind = name.map({k: v[0] for k, v in FIELDS.items()}).where(mask)
    field = name.map({k: v[1] for k, v in FIELDS.items()})
    ids = {"event_id": rows["event_id"].where(kind.notna())} if numbered else {}
    return build_piece(
        taken, case_id=rows["case_id"], at=rows["at"], kind=kind, field=field, old=old, new=new, order=order,
        actor_id=rows["actor_id"], team=new.where(field == "team"), **ids,
    )  # fmt: skip


def _history(taken: ExportRows) -> Piece:
    """Read a replicated history of fields: each value starts where the one before it ended."""
    rows = taken.rows
    twice = rows.duplicated(["case_id", "field", "at", "new"]).to_numpy()
    taken.ledger.reject(twice, "field_name", rows["field"], "duplicate change; the first is kept", code="row.doubled")
    rows = rows.assign(field=rows["field"].mask(twice))  # so that it is no value before another one
    line = rows.assign(_place=range(len(rows))).sort_values(["case_id", "field", "at", "_place"], kind="stable")
    same = (line["case_id"] == line["case_id"].shift()) & (line["field"] == line["field"].shift())
    old = line["new"].shift().where(same).reindex(rows.index)
    known = rows["field"].isin(list(FIELDS))
    order = pd.Series(0.0, index=rows.index)
    return _change(
        ExportRows(rows.assign(event_id=None), taken.ledger, taken.raw),
        known,
        rows["field"],
        old,
        rows["new"],
        order,
        False,
    )


def _comments(taken: ExportRows, roles: Any) -> Piece:
    rows = taken.rows
    return build_piece(
        taken, case_id=rows["case_id"], at=rows["at"], kind="message", public=rows["public"].fillna(True),
        actor_role=_role(rows["actor_id"], rows["case_id"], roles), actor_id=rows["actor_id"],
        event_id=rows["event_id"],
    )  # fmt: skip


def _opened_by_agent(one: Piece, tickets: ExportRows) -> Piece:
    """Read what an agent writes as the opening comment of a ticket as its description: it replies to nobody.

    So does Zendesk, whose first reply time then ends at the second public comment of an agent (support.zendesk.com,
    article 4408834848154, "First reply time").
    """
    rows = one.rows
    if "actor_role" not in rows:
        return one
    born = tickets.accepted_rows().drop_duplicates("case_id", keep="last").set_index("case_id")["created_at"]
    opening = (rows["kind"] == "message") & (rows["actor_role"] == "agent")
    opening &= (rows["at"] <= look_up_by_case(rows["case_id"], born)).to_numpy(dtype=bool)
    if not opening.any():
        return one
    rows = rows.assign(kind=rows["kind"].mask(opening, "field"))
    rows["field"] = pd.Series("description", index=rows.index).where(opening)
    return Piece(rows, one.ledger)


def _metric_events(taken: ExportRows) -> list[Piece]:
    """Read the system's own clocks: promises that were made and broken, and when each clock ran."""
    rows, name = taken.rows, _name_metrics(taken.rows)
    gone = rows["deleted"].fillna(False).astype(bool)
    broken = rows["at"].where((rows["type"] == "breach") & ~gone)
    made = rows["at"].where(rows["type"].isin(["apply_sla", "apply_group_sla"]))
    clock = pd.Series("field", index=rows.index).where(rows["type"].isin(["activate", "pause", "fulfill"]))
    marks = build_piece(
        taken, case_id=rows["case_id"], at=rows["at"], kind=clock, field=name + ".clock", new=rows["type"]
    )
    if gone.any():
        taken.ledger.add_note(f"{int(gone.sum()):,} breaches were taken back by the system and do not count")
    done = rows["at"].where(rows["type"] == "fulfill")
    return [marks, *build_sla_flag_events(taken, rows["case_id"], name, made, broken, done)]


def _name_metrics(rows: pd.DataFrame) -> pd.Series[Any]:
    """Return the metric of each event, with the first reply and the next ones told apart."""
    first, reply = rows["instance"].fillna(1) <= 1, rows["metric"] == "reply_time"
    return rows["metric"].mask(reply & first, "first_reply_time").mask(reply & ~first, "next_reply_time")


def _due_times(spec: SourceSpec, taken: dict[str, ExportRows], notes: list[str]) -> pd.DataFrame | None:
    """Return when tickets were due: by the metric events, else by their policies, else by the date of a task."""
    tickets, dues = taken["tickets"], None
    if "metric_events" in taken:
        events = taken["metric_events"]
        dues = read_metric_due_times(events, _name_metrics(events.rows), notes)
    stated = read_policy_due_times(tickets)
    if stated is not None:
        dues = add_stated_due_times(dues, stated)
    return add_stated_due_times(dues, read_stated_due_times(spec, EXPORT_TABLES[0], tickets, "due"))


def _ratings(taken: ExportRows) -> Piece:
    rows, ledger = taken.rows, taken.ledger
    words = rows["score"].str.lower()
    quiet = words.isin(["offered", "unoffered"])
    score = words.map(RATING_SCORES).astype("float64").fillna(pd.to_numeric(words, errors="coerce"))
    ledger.reject((words == "unoffered").to_numpy(), "score", rows["score"], "no survey was offered", code="row.other")
    ledger.reject(
        (score.isna() & ~quiet).to_numpy(), "score", rows["score"], "an answer that nobody knows", code="value.unknown"
    )
    answered = rows["updated_at"].fillna(rows["offered_at"]).where(~quiet)
    out = rows.assign(kind="csat", score=score, responded_at=answered)
    return Piece(out[["survey_id", "kind", "case_id", "agent_id", "offered_at", "responded_at", "score"]], ledger)
