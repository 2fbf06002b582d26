"""Chatwoot: conversations with messages, reporting events, audits, surveys and SLAs, from its database.

Names and meanings follow the schema and the code of chatwoot/chatwoot (db/schema.rb, app/models/conversation.rb,
app/models/message.rb, app/listeners/reporting_event_listener.rb, and enterprise/app/models/applied_sla.rb and
enterprise/audit/conversation.rb). All times are UTC. A conversation shows today's values. The paid edition audits every
change; without it the reporting events tell when a conversation was resolved and opened again, and nothing tells when
its team and priority were set: these are then known as of its last change only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from .assemble import assemble
from .chatwoot_history import read_audits, read_reporting_events
from .chatwoot_sla import read_chatwoot_sla, read_settings
from .columns import ImportReport
from .export import ExportRows, ExportTable, cast_table
from .lookups import Labels, Lookup, read_system_tables
from .pieces import ExportPieces, Piece, build_first_teams, build_piece, look_up_by_case, read_openings_by_agents
from .spec import LoadedSource, SourceSpec
from .stated_settings import propose_settings

_STATUSES: Mapping[str, str] = {"0": "open", "1": "resolved", "2": "pending", "3": "snoozed"}
#: Status -> what it means. Pending is with a bot; snoozed waits until a day, or for the customer.
STATUS_CLASSES: Mapping[str, str] = {"open": "open", "resolved": "resolved", "pending": "on_hold", "snoozed": "paused"}
_PRIORITIES: Mapping[str, str] = {"0": "low", "1": "medium", "2": "high", "3": "urgent"}
#: Class of a channel -> what it is called, where cutting "Channel::" off is not enough.
_CHANNELS: Mapping[str, str] = {
    "webwidget": "chat", "api": "api", "email": "email", "facebookpage": "facebook", "twiliosms": "sms", "sms": "sms",
    "twitterprofile": "twitter",
}  # fmt: skip
LOOKUPS = {
    "teams": Lookup("teams", ("team",)),
    "inboxes": Lookup(
        "inboxes",
        ("inbox",),
        group=("channel_type",),
        kinds={"in_use": "flag"},
        further={"in_use": ("working_hours_enabled",), "zone": ("timezone",)},
    ),
}
_CREATED, _CONVERSATION = {"at": "instant"}, ("conversation_id",)
EXPORT_TABLES = (
    ExportTable(
        "conversations", ("conversation",),
        {
            "key": ("id",), "display_id": ("display_id",), "account_id": ("account_id",), "created_at": ("created_at",),
            "updated_at": ("updated_at",), "status": ("status",), "priority": ("priority",), "team_id": ("team_id",),
            "inbox_id": ("inbox_id",), "customer_id": ("contact_id",), "agent_id": ("assignee_id",),
            "campaign_id": ("campaign_id",), "labels": ("cached_label_list",), "waiting_since": ("waiting_since",),
            "first_reply_at": ("first_reply_created_at",), "last_activity_at": ("last_activity_at",),
        },
        ("key", "created_at", "status"), ("display_id", "account_id", "inbox_id", "customer_id"),
        {
            "key": "id", "created_at": "instant", "updated_at": "instant", "waiting_since": "instant",
            "first_reply_at": "instant", "last_activity_at": "instant",
        },
        named_only=True,
    ),
    ExportTable(
        "messages", ("message",),
        {
            "conversation_id": _CONVERSATION, "at": ("created_at",), "type": ("message_type",), "private": ("private",),
            "content_type": ("content_type",), "sender_type": ("sender_type",), "sender_id": ("sender_id",),
            "status": ("status",), "event_id": ("id",), "more": ("content_attributes",),
            "further": ("additional_attributes",),
        },
        ("conversation_id", "at", "type", "event_id"), ("private", "sender_type"),
        {**_CREATED, "private": "flag"}, named_only=True,
    ),
    ExportTable(
        "reporting_events", ("reporting_event",),
        {
            "conversation_id": _CONVERSATION, "name": ("name",), "at": ("event_end_time",), "saved_at": ("created_at",),
            "actor_id": ("user_id",), "event_id": ("id",),
        },
        ("conversation_id", "name", "saved_at"), ("at",), {**_CREATED, "saved_at": "instant"}, named_only=True,
    ),
    ExportTable(
        "audits", ("audit",),
        {
            "record_id": ("auditable_id",), "type": ("auditable_type",), "action": ("action",), "at": ("created_at",),
            "changes": ("audited_changes",), "actor_id": ("user_id",), "event_id": ("id",),
        },
        ("record_id", "type", "action", "at"), ("changes",), _CREATED, named_only=True,
    ),
    ExportTable(
        "surveys", ("csat_survey_responses",),
        {
            "conversation_id": _CONVERSATION, "message_id": ("message_id",), "at": ("created_at",),
            "score": ("rating",), "agent_id": ("assigned_agent_id",),
        },
        ("conversation_id", "message_id", "at", "score"), (), {**_CREATED, "score": "number"}, named_only=True,
    ),
    ExportTable(
        "policies", ("sla_policies",),
        {
            "key": ("id",), "first_response": ("first_response_time_threshold",),
            "next_response": ("next_response_time_threshold",), "resolution": ("resolution_time_threshold",),
            "in_hours": ("only_during_business_hours",),
        },
        ("key",), ("first_response", "resolution"),
        {
            "key": "id", "first_response": "number", "next_response": "number", "resolution": "number",
            "in_hours": "flag",
        },
        named_only=True,
    ),
    ExportTable(
        "applied_slas", ("applied_sla",),
        {"conversation_id": _CONVERSATION, "policy_id": ("sla_policy_id",), "at": ("created_at",), "key": ("id",)},
        ("conversation_id", "policy_id", "at"), (), {**_CREATED, "key": "id"}, named_only=True,
    ),
    ExportTable(
        "sla_events", ("sla_event",),
        {"conversation_id": _CONVERSATION, "type": ("event_type",), "at": ("created_at",)},
        ("conversation_id", "type", "at"), (), _CREATED, named_only=True,
    ),
    ExportTable(
        "working_hours", ("working_hour",),
        {
            "inbox_id": ("inbox_id",), "day": ("day_of_week",), "closed": ("closed_all_day",),
            "whole": ("open_all_day",), "open_hour": ("open_hour",), "open_minutes": ("open_minutes",),
            "close_hour": ("close_hour",), "close_minutes": ("close_minutes",),
        },
        ("inbox_id", "day"), ("closed", "open_hour", "close_hour"),
        {
            "day": "number", "closed": "flag", "whole": "flag", "open_hour": "number", "open_minutes": "number",
            "close_hour": "number", "close_minutes": "number",
        },
        named_only=True,
    ),
    *(lookup.table for lookup in LOOKUPS.values()),
)  # fmt: skip
_SURVEY_MESSAGE, _FAILED = "9", "3"
_SENDERS: Mapping[str, str] = {"contact": "customer", "user": "agent", "agentbot": "bot", "captain::assistant": "bot"}


def load(spec: SourceSpec, folder: Path) -> LoadedSource:
    """Read the tables of Chatwoot: at least the conversations.

    Raises
    ------
    InputError
        If there are no conversations, a table lacks a column, or nothing can be used.
    """
    found, notes, labels, taken = read_system_tables(EXPORT_TABLES, LOOKUPS, "conversations", spec, folder, utc=True)
    cases = _conversations(taken["conversations"], labels, notes)
    numbers = cases.by_key()["case_id"]
    for one in taken.values():
        if "conversation_id" in one.rows:  # an id of its own, not the number that is shown
            ids = one.rows["conversation_id"]
            one.rows = one.rows.assign(case_id=look_up_by_case(ids, numbers).fillna("id " + ids))
    history = "reporting_events" in taken or "audits" in taken
    pieces = ExportPieces("chatwoot", cases, state_meanings=STATUS_CLASSES, history=history, notes=notes)
    if cases.rows["account_id"].nunique() > 1:
        pieces.attributes = {"account_id": "creation"}
    audited: set[str] = set()
    if "audits" in taken:
        change = read_audits(taken["audits"], numbers, labels["teams"], _STATUSES, _PRIORITIES)
        audited = set(change.rows["case_id"])
        pieces.events += [change, build_first_teams(_of(cases, audited, True), change.rows)]
    unaudited = _of(cases, audited, False)
    messages = _messages(taken["messages"], cases) if "messages" in taken else None
    if "reporting_events" in taken:
        events = _of(taken["reporting_events"], audited, False)
        said = messages.rows if messages is not None else None
        pieces.events += read_reporting_events(events, unaudited, said, notes)
    pieces.events += _known_at_last(unaudited, notes)
    if messages is not None:
        pieces.events.append(messages)
    pieces.surveys = _surveys(taken.get("messages"), taken.get("surveys"))
    if "inboxes" in found:
        taken["inboxes"] = cast_table(LOOKUPS["inboxes"].table, spec, *found["inboxes"])
    pieces.stated = propose_settings("chatwoot", *read_settings(taken), notes)
    flags, pieces.due_times = read_chatwoot_sla(taken, cases)
    pieces.events += flags
    pieces.also = [t.ledger for t in taken.values()]
    return assemble(spec, pieces)


def _conversations(taken: ExportRows, labels: Mapping[str, Labels], notes: list[str]) -> ExportRows:
    rows, ledger = taken.rows, taken.ledger
    accounts = rows["account_id"].nunique()
    case_id = rows["display_id"].fillna(rows["key"])
    if accounts > 1:  # the number that is shown is one of its account
        case_id = rows["key"]
        notes.append(
            f"chatwoot: the {accounts} accounts are read together, and 'account_id' tells them apart; an account is a "
            "desk of its own: to read one, name views with its rows in parts"
        )
    ledger.reject(
        rows["campaign_id"].notna().to_numpy(dtype=bool), "campaign_id", rows["campaign_id"],
        "an outbound campaign began it: no demand", code="row.other"
    )  # fmt: skip
    spam = rows["labels"].fillna("").str.lower().str.split(",").map(lambda names: "spam" in [n.strip() for n in names])
    ledger.reject(
        spam.to_numpy(dtype=bool), "cached_label_list", rows["labels"], "it is labelled as spam", code="row.other"
    )
    channel = labels["inboxes"].group(rows["inbox_id"])
    short = channel.str.replace(r"^Channel::", "", regex=True).str.lower()
    new = {
        "case_id": case_id, "state": rows["status"].map(_STATUSES).fillna(rows["status"]),
        "priority": rows["priority"].map(_PRIORITIES).fillna(rows["priority"]),
        "team": labels["teams"].label(rows["team_id"]), "product": labels["inboxes"].label(rows["inbox_id"]),
        "channel": short.map(_CHANNELS).fillna(short),
    }  # fmt: skip
    for name, column in (("teams", "team_id"), ("inboxes", "inbox_id")):
        labels[name].note_unknown(rows[column], "chatwoot", notes)
    return ExportRows(rows.assign(**new), ledger, taken.raw)


def _of(taken: ExportRows, audited: set[str], wanted: bool) -> ExportRows:
    """Return the rows of the conversations that were audited, or of the others; of the rest nothing is read."""
    mine = taken.rows["case_id"].isin(audited) == wanted
    return ExportRows(taken.rows.assign(case_id=taken.rows["case_id"].where(mine)), taken.ledger, taken.raw)


def _known_at_last(cases: ExportRows, notes: list[str]) -> list[Piece]:
    """Let today's team and priority be known as of the last change of a conversation, as nobody says since when.

    The conversation itself is then shown as it was created, without them.
    """
    rows = cases.rows
    at = rows[["updated_at", "last_activity_at", "created_at"]].max(axis=1)
    pieces = []
    for name, kind in (("team", "assigned"), ("priority", "priority")):
        value = rows[name]
        told = pd.Series(kind, index=rows.index).where(
            value.notna() & rows["case_id"].notna() & (at > rows["created_at"])
        )
        pieces.append(
            build_piece(
                cases, case_id=rows["case_id"], at=at, kind=told, field=name, old=None, new=value,
                team=value if name == "team" else None, order=float("inf"),
            )
        )  # fmt: skip
    if rows[["team", "priority"]].notna().any(axis=None):
        notes.append(
            "chatwoot: without audits nothing says when team and priority were set; today's count from the last change "
            "of a conversation on"
        )
    return pieces


def _messages(taken: ExportRows, cases: ExportRows) -> Piece:
    """Read the messages that people wrote and could read: what Chatwoot writes by itself is of the system.

    So are templates (greeting, out of office, survey), messages of a rule and of a campaign, and the lines of activity
    are no messages at all. A message that could not be delivered answers nobody.
    """
    rows, ledger = taken.rows, taken.ledger
    kind = rows["type"]
    role = rows["sender_type"].str.lower().map(_SENDERS)
    rule = rows["more"].fillna("").str.contains("automation_rule_id", regex=False)
    rule |= rows["further"].fillna("").str.contains("campaign_id", regex=False)
    role = role.where(kind.isin(["0", "1"]) & ~rule, "system").fillna("system").mask(kind == "0", "customer")
    failed = rows["status"] == _FAILED
    if failed.any():
        ledger.add_note(f"{int(failed.sum()):,} messages could not be delivered, and count as read by nobody")
    messages = pd.DataFrame(
        {
            "case_id": rows["case_id"], "at": rows["at"], "actor_role": role, "actor_id": rows["sender_id"],
            "kind": pd.Series("message", index=rows.index).where(kind != "2"),
            "public": ~rows["private"].fillna(False).astype(bool) & ~failed,
            "order": pd.to_numeric(rows["event_id"], errors="coerce"), "event_id": "message " + rows["event_id"],
        },
        index=rows.index,
    )  # fmt: skip
    created = cases.accepted_rows().drop_duplicates("case_id").set_index("case_id")["created_at"]
    return Piece(read_openings_by_agents(messages, created), ledger)


def _surveys(messages: ExportRows | None, answers: ExportRows | None) -> Piece | None:
    """Read the surveys that were sent, with their answers; without messages those that were answered."""
    sent = messages.rows[messages.rows["content_type"] == _SURVEY_MESSAGE] if messages is not None else None
    if messages is None or sent is None or sent.empty:
        return None if answers is None else _answered_surveys(answers)
    asked = {
        "survey_id": sent["event_id"], "case_id": sent["case_id"], "offered_at": sent["at"], "kind": "csat",
        "responded_at": pd.Series(pd.NaT, index=sent.index, dtype="datetime64[us, UTC]"),
        "score": pd.Series(float("nan"), index=sent.index),
    }  # fmt: skip
    if answers is not None:
        ids = answers.rows["message_id"]
        lost = ~ids.isin(sent["event_id"]).to_numpy(dtype=bool)
        answers.ledger.reject(lost, "message_id", ids, "its survey is not among the messages", code="row.orphan")
        given = answers.accepted_rows().drop_duplicates("message_id", keep="last").set_index("message_id")
        for column, name in (("at", "responded_at"), ("score", "score"), ("agent_id", "agent_id")):
            asked[name] = look_up_by_case(sent["event_id"], given[column])
    ledger = ImportReport("surveys", messages.ledger.where, len(sent))
    ledger.numbers = messages.rows.index.get_indexer(sent.index)
    return Piece(pd.DataFrame(asked).reset_index(drop=True), ledger)


def _answered_surveys(answers: ExportRows) -> Piece:
    rows = answers.rows
    answers.ledger.add_note("only surveys that were answered are there: the response rate is not known")
    table = {
        "survey_id": rows["message_id"], "case_id": rows["case_id"], "kind": "csat", "agent_id": rows["agent_id"],
        "offered_at": rows["at"], "responded_at": rows["at"], "score": rows["score"],
    }  # fmt: skip
    return Piece(pd.DataFrame(table), answers.ledger)
