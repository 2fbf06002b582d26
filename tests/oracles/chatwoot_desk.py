"""A small installation of Chatwoot: twelve conversations of March 2024, with what the system itself would have written.

The free edition has no audits; the paid one writes every change of a conversation into them.
"""

from __future__ import annotations

from helpdesk_dumps import at

_STAMP = "created_at timestamp(6), updated_at timestamp(6)"
#: The tables that are read, and two that are not, with the columns of the real schema.
DDL = f"""
conversations: id serial, account_id int, inbox_id int, status int, assignee_id int, contact_id bigint, display_id int, additional_attributes jsonb, uuid uuid, identifier text, last_activity_at timestamp, team_id bigint, campaign_id bigint, snoozed_until timestamp, custom_attributes jsonb, first_reply_created_at timestamp, priority int, sla_policy_id bigint, waiting_since timestamp(6), cached_label_list text, {_STAMP}
messages: id serial, content text, account_id int, inbox_id int, conversation_id int, message_type int, private boolean, status int, source_id text, content_type int, content_attributes json, sender_type text, sender_id bigint, additional_attributes jsonb, processed_message_content text, {_STAMP}
reporting_events: id bigserial, name text, value float, account_id int, inbox_id int, user_id int, conversation_id int, value_in_business_hours float, event_start_time timestamp, event_end_time timestamp, {_STAMP}
audits: id bigserial, auditable_id bigint, auditable_type text, associated_id bigint, user_id bigint, user_type text, username text, action text, audited_changes jsonb, remote_address text, created_at timestamp
csat_survey_responses: id bigserial, account_id bigint, conversation_id bigint, message_id bigint, rating int, feedback_message text, contact_id bigint, assigned_agent_id bigint, {_STAMP}
sla_policies: id bigserial, name text, first_response_time_threshold float, next_response_time_threshold float, only_during_business_hours boolean, account_id bigint, resolution_time_threshold float, {_STAMP}
applied_slas: id bigserial, account_id bigint, sla_policy_id bigint, conversation_id bigint, sla_status int, {_STAMP}
sla_events: id bigserial, applied_sla_id bigint, conversation_id bigint, account_id bigint, event_type int, meta jsonb, {_STAMP}
inboxes: id serial, channel_id int, account_id int, name text, channel_type text, working_hours_enabled boolean, timezone text, email_address text, {_STAMP}
working_hours: id bigserial, inbox_id bigint, account_id bigint, day_of_week int, closed_all_day boolean, open_hour int, open_minutes int, close_hour int, close_minutes int, open_all_day boolean, {_STAMP}
teams: id bigserial, name text, description text, account_id bigint, {_STAMP}
contacts: id serial, name text, email text, phone_number text, account_id int, blocked boolean, {_STAMP}
users: id serial, name text, email text, encrypted_password text, {_STAMP}
"""  # noqa: E501
_IN, _OUT, _ACTIVITY, _TEMPLATE = range(4)
_OPEN, _RESOLVED, _PENDING, _SNOOZED = range(4)


class _Desk:
    """What the rows are collected in; conversation 1 has the id 501, and so on."""

    def __init__(self, *, audited):
        self.audited = audited
        self.rows = {
            name: [] for name in ("conversations", "messages", "reporting_events", "audits", "csat_survey_responses",
                                  "applied_slas", "sla_events")
        }  # fmt: skip

    def add(self, table, **row):
        self.rows[table].append({"id": len(self.rows[table]) + 1, "account_id": 1, **row})
        return len(self.rows[table])

    def conversation(self, number, created, *, status=_RESOLVED, inbox=1, began=_OPEN, updated="06 12:00", **more):
        times = {k: at(more.pop(k)) for k in ("first_reply_created_at", "waiting_since") if k in more}
        row = {"status": status, "inbox_id": inbox, "contact_id": 100 + number, "assignee_id": 11, **more, **times}
        self.rows["conversations"].append(
            {"id": 500 + number, "account_id": 1, "display_id": number, "additional_attributes": {}, **row,
             "last_activity_at": at(updated), "created_at": at(created), "updated_at": at(updated)}
        )  # fmt: skip
        self.audit(number, created, "create", status=began, team_id=None, inbox_id=inbox, contact_id=100 + number)

    def message(self, number, when, kind=_IN, *, by=None, private=False, status=0, content=0, **more):
        sender, who = {None: (None, None), "customer": ("Contact", 100 + number), "bot": ("AgentBot", 1)}.get(
            by, ("User", by)
        )
        return self.add(
            "messages", conversation_id=500 + number, content="private text", message_type=kind, private=private,
            status=status, content_type=content, content_attributes=more, additional_attributes={}, sender_type=sender,
            sender_id=who, inbox_id=1, created_at=at(when), updated_at=at(when),
        )  # fmt: skip

    def ask(self, number, when):
        self.message(number, when, by="customer")

    def reply(self, number, when, by=11):
        self.message(number, when, _OUT, by=by)

    def status(self, number, when, old, new, *, told=True, by=11):
        name = {_RESOLVED: "conversation_resolved", _OPEN: "conversation_opened"}.get(new)
        if name and told:
            self.add(
                "reporting_events", name=name, value=60.0, conversation_id=500 + number, user_id=11, inbox_id=1,
                event_start_time=at("04 09:00"), event_end_time=at(when), created_at=at(when) + ".25",
            )  # fmt: skip
        self.audit(number, when, "update", by=by, status=[old, new])

    def audit(self, number, when, action, *, by=None, **changes):
        if self.audited:
            self.rows["audits"].append(
                {"id": len(self.rows["audits"]) + 1, "auditable_id": 500 + number, "auditable_type": "Conversation",
                 "user_id": by, "username": "private@example.org", "action": action, "audited_changes": changes,
                 "created_at": at(when)}
            )  # fmt: skip

    def sla(self, number, policy, when):
        self.add("applied_slas", conversation_id=500 + number, sla_policy_id=policy, created_at=at(when))


def make_rows(*, audited=False):
    """Return table -> rows of the installation."""
    desk = _Desk(audited=audited)
    # 1: greeted, answered, resolved, opened again by the customer, resolved, rated 5; both targets met
    desk.conversation(1, "04 09:00", first_reply_created_at="04 09:10", sla_policy_id=1)
    desk.sla(1, 1, "04 09:00")
    desk.ask(1, "04 09:00")
    desk.message(1, "04 09:00:01", _TEMPLATE)
    desk.reply(1, "04 09:10")
    desk.add("reporting_events", name="first_response", value=600.0, conversation_id=501, user_id=11,
             event_start_time=at("04 09:00"), event_end_time=at("04 09:10"), created_at=at("04 09:10"))  # fmt: skip
    desk.status(1, "04 10:00", _OPEN, _RESOLVED)
    desk.message(1, "04 10:00", _ACTIVITY)
    desk.ask(1, "04 11:00")
    desk.status(1, "04 11:00", _RESOLVED, _OPEN, by=None)
    desk.reply(1, "04 11:30")
    desk.status(1, "04 12:00", _OPEN, _RESOLVED)
    survey = desk.message(1, "04 12:00", _TEMPLATE, content=9)
    desk.add("csat_survey_responses", conversation_id=501, message_id=survey, rating=5, contact_id=101,
             feedback_message="private text", assigned_agent_id=11, created_at=at("04 13:00"))  # fmt: skip
    # 2: nobody has it; a note inside is no reply
    desk.conversation(2, "04 09:30", status=_OPEN, assignee_id=None, updated="04 09:40")
    desk.ask(2, "04 09:30")
    desk.message(2, "04 09:40", _OUT, by=11, private=True)
    # 3: by e-mail, with a target in working hours; the first response came half an hour late
    desk.conversation(3, "04 15:30", inbox=2, first_reply_created_at="05 09:00", sla_policy_id=2)
    desk.sla(3, 2, "04 15:30")
    desk.ask(3, "04 15:30")
    desk.add("sla_events", conversation_id=503, applied_sla_id=2, event_type=0, created_at=at("05 08:31"))
    desk.reply(3, "05 09:00")
    desk.status(3, "05 10:00", _OPEN, _RESOLVED)
    # 4: from First line to Field, and raised to high
    desk.conversation(4, "04 10:20", team_id=2, priority=2, updated="05 09:00")
    desk.ask(4, "04 10:20")
    desk.audit(4, "04 10:21", "update", team_id=[None, 1])
    desk.reply(4, "04 10:30")
    desk.audit(4, "04 10:45", "update", by=11, priority=[None, 2])
    desk.audit(4, "04 11:00", "update", by=11, team_id=[1, 2], assignee_id=[11, 12])
    desk.status(4, "05 09:00", _OPEN, _RESOLVED)
    # 5: opened again by the customer's message, of which an older version wrote nothing
    desk.conversation(5, "04 11:00")
    desk.ask(5, "04 11:00")
    desk.reply(5, "04 11:10")
    desk.status(5, "04 11:20", _OPEN, _RESOLVED)
    desk.ask(5, "04 12:00")
    desk.status(5, "04 12:00", _RESOLVED, _OPEN, told=False, by=None)
    desk.status(5, "04 13:00", _OPEN, _RESOLVED)
    # 6: spam, 7: a campaign
    desk.conversation(6, "04 12:00", cached_label_list="billing, spam", status=_OPEN)
    desk.ask(6, "04 12:00")
    desk.conversation(7, "04 12:30", campaign_id=3, status=_OPEN)
    # 8: with a bot at first
    desk.conversation(8, "04 14:00", began=_PENDING)
    desk.ask(8, "04 14:00")
    desk.message(8, "04 14:00:02", _OUT, by="bot")
    desk.status(8, "04 14:20", _PENDING, _OPEN, by=None)
    desk.reply(8, "04 14:30")
    desk.status(8, "04 15:00", _OPEN, _RESOLVED)
    # 9: opened by an agent, snoozed
    desk.conversation(9, "05 09:00", status=_SNOOZED, inbox=2, updated="05 12:00")
    desk.reply(9, "05 09:00")
    desk.ask(9, "05 10:00")
    desk.reply(9, "05 11:00")
    desk.status(9, "05 12:00", _OPEN, _SNOOZED)
    # 10: a rule answers, a message fails, then a reply; the survey stays without an answer
    desk.conversation(10, "05 09:00")
    desk.ask(10, "05 09:00")
    desk.message(10, "05 09:01", _OUT, automation_rule_id=4)
    desk.message(10, "05 09:05", _OUT, by=11, status=3)
    desk.reply(10, "05 09:30")
    desk.status(10, "05 10:00", _OPEN, _RESOLVED)
    desk.message(10, "05 10:00", _TEMPLATE, content=9)
    # 11: resolved, and nothing says when; 12: the customer waits for the next response
    desk.rows["conversations"].append(
        {"id": 511, "account_id": 1, "display_id": 11, "status": _RESOLVED, "inbox_id": 1, "contact_id": 111,
         "created_at": at("01 09:00"), "updated_at": at("06 12:00"), "last_activity_at": at("01 09:00")}
    )  # fmt: skip
    desk.conversation(12, "05 09:00", status=_OPEN, first_reply_created_at="05 09:30", waiting_since="05 10:00")
    desk.sla(12, 1, "05 09:00")
    desk.ask(12, "05 09:00")
    desk.reply(12, "05 09:30")
    desk.ask(12, "05 10:00")
    desk.message(99, "05 10:00", by="customer")  # its conversation was deleted
    return {**desk.rows, **_settings()}


def _settings():
    stamps = {"created_at": at("01 08:00"), "updated_at": at("01 08:00"), "account_id": 1}
    out = {
        "sla_policies": [
            {"id": 1, "name": "chat", "first_response_time_threshold": 900.0, "next_response_time_threshold": 1800.0,
             "resolution_time_threshold": 14400.0, "only_during_business_hours": False},
            {"id": 2, "name": "email", "first_response_time_threshold": 3600.0, "resolution_time_threshold": 28800.0,
             "only_during_business_hours": True},
        ],
        "inboxes": [
            {"id": 1, "channel_id": 1, "name": "Website", "channel_type": "Channel::WebWidget",
             "working_hours_enabled": False, "timezone": "UTC"},
            {"id": 2, "channel_id": 1, "name": "Support", "channel_type": "Channel::Email",
             "working_hours_enabled": True, "timezone": "Europe/Berlin", "email_address": "private@example.org"},
        ],
        "working_hours": [
            {"id": i + 1, "inbox_id": 2, "day_of_week": i, "closed_all_day": i in (0, 6), "open_hour": 9,
             "open_minutes": 0, "close_hour": 17, "close_minutes": 0, "open_all_day": False}
            for i in range(7)
        ],
        "teams": [{"id": 1, "name": "First line"}, {"id": 2, "name": "Field"}],
        "contacts": [{"id": 100 + i, "name": "Private Person", "email": f"p{i}@example.org"} for i in range(1, 13)],
    }  # fmt: skip
    rows = {name: [{**row, **stamps} for row in rows] for name, rows in out.items()}
    rows["users"] = [{"id": 11, "name": "Private Agent", "email": "a@example.org", "created_at": at("01 08:00")}]
    return rows
