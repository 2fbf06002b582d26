"""A small installation of Zammad: thirteen tickets of March 2024, with what the system itself would have written."""

from __future__ import annotations

from itertools import pairwise

from helpdesk_dumps import at

_STAMP = "created_at timestamp(3), updated_at timestamp(3)"
#: The tables that are read, and two that are not, with the columns of the real schema.
DDL = f"""
tickets: id serial, group_id int, priority_id int, state_id int, organization_id int, number varchar(60), title varchar(250), owner_id int, customer_id int, first_response_at timestamp(3), first_response_escalation_at timestamp(3), first_response_in_min int, first_response_diff_in_min int, close_at timestamp(3), close_escalation_at timestamp(3), close_in_min int, close_diff_in_min int, update_escalation_at timestamp(3), last_close_at timestamp(3), create_article_type_id int, create_article_sender_id int, escalation_at timestamp(3), pending_time timestamp(3), type varchar(100), time_unit numeric(6), preferences text, updated_by_id int, created_by_id int, {_STAMP}
histories: id serial, history_type_id int, history_object_id int, history_attribute_id int, o_id int, related_o_id int, related_history_object_id int, id_to int, id_from int, value_from varchar(500), value_to varchar(500), created_by_id int, {_STAMP}
history_types: id serial, name varchar(250), {_STAMP}
history_objects: id serial, name varchar(250), note varchar(250), {_STAMP}
history_attributes: id serial, name varchar(250), {_STAMP}
ticket_articles: id serial, ticket_id int, type_id int, sender_id int, "from" varchar(3000), "to" varchar(3000), subject varchar(3000), content_type varchar(20), body text, internal boolean, preferences text, updated_by_id int, created_by_id int, origin_by_id int, {_STAMP}
ticket_states: id serial, state_type_id int, name varchar(250), next_state_id int, ignore_escalation boolean, active boolean, {_STAMP}
ticket_state_types: id serial, name varchar(250), {_STAMP}
ticket_priorities: id serial, name varchar(250), active boolean, {_STAMP}
ticket_article_types: id serial, name varchar(250), communication boolean, active boolean, {_STAMP}
ticket_article_senders: id serial, name varchar(250), {_STAMP}
ticket_time_accountings: id serial, ticket_id int, ticket_article_id int, time_unit numeric(6), type_id int, created_by_id int, {_STAMP}
groups: id serial, name varchar(160), active boolean, {_STAMP}
users: id serial, login varchar(255), firstname varchar(100), lastname varchar(100), email varchar(255), {_STAMP}
tags: id serial, tag_item_id int, o_id int, {_STAMP}
"""  # noqa: E501
_STATES = ("new", "open", "pending reminder", "closed", "merged", "removed", "pending close")
_TYPES = ("new", "open", "pending reminder", "pending action", "closed", "merged", "removed")
_ATTRIBUTES = (
    "owner", "state", "group", "priority", "first_response_escalation_at", "close_escalation_at", "title", "customer",
)  # fmt: skip
_HISTORY_TYPES = ("created", "updated", "merged_into", "received_merge", "notification")
_ARTICLE_TYPES = {1: "email", 5: "phone", 10: "note", 11: "web"}
_NAMES = {
    "state": {**{i + 1: n for i, n in enumerate(_STATES)}, 8: "waiting for parts", 9: "spam"},
    "priority": {1: "1 low", 2: "2 normal", 3: "3 high"}, "group": {1: "Users", 2: "Field"},
    "owner": {1: "-", 11: "Ann Agent", 12: "Bob Agent"},
}  # fmt: skip


class _Desk:
    """What the rows are collected in."""

    def __init__(self):
        self.rows = {name: [] for name in ("tickets", "histories", "ticket_articles", "ticket_time_accountings")}

    def ticket(self, key, created, *, kind=1, sender=2, by=None, updated="07 12:00", state=1, group=1, **more):
        row = {
            "id": key, "number": str(10000 + key), "title": "Private title", "group_id": group,
            "priority_id": more.pop("priority", 2), "state_id": state, "owner_id": more.pop("owner", 1),
            "customer_id": 100 + key, "create_article_type_id": kind, "create_article_sender_id": sender,
            "created_by_id": by or 100 + key, "updated_by_id": 1, "created_at": at(created), "updated_at": at(updated),
        }  # fmt: skip
        self.rows["tickets"].append({**row, **{k: at(v) if k.endswith("_at") else v for k, v in more.items()}})

    def article(self, ticket, when, sender, *, kind=1, internal=False, by=None, origin=None):
        self.rows["ticket_articles"].append(
            {
                "id": len(self.rows["ticket_articles"]) + 1, "ticket_id": ticket, "type_id": kind, "sender_id": sender,
                "from": "Private Person <p@example.org>", "body": "private text", "internal": internal,
                "created_by_id": by or 100 + ticket, "origin_by_id": origin, "created_at": at(when),
                "updated_at": at(when),
            }
        )  # fmt: skip

    def history(self, ticket, when, attribute, old, new, *, by=1, kind="updated"):
        """Write one change; of a look-up both the ids and the names of that day."""
        names = _NAMES.get(attribute)
        said = (lambda v: "" if v is None else names.get(v, str(v))) if names else (lambda v: v or "")
        self.rows["histories"].append(
            {
                "id": len(self.rows["histories"]) + 1, "history_type_id": _HISTORY_TYPES.index(kind) + 1,
                "history_object_id": 1, "o_id": ticket,
                "history_attribute_id": None if attribute is None else _ATTRIBUTES.index(attribute) + 1,
                "id_from": old if names else None, "id_to": new if names else None, "value_from": said(old),
                "value_to": said(new), "created_by_id": by, "created_at": at(when), "updated_at": at(when),
            }
        )  # fmt: skip

    def due(self, ticket, when, attribute, old, new):
        """Write a change of an escalation time, as Ruby writes times."""
        said = [None if v is None else f"{at(v)} UTC" for v in (old, new)]
        self.history(ticket, when, f"{attribute}_escalation_at", *said)


def make_rows():
    """Return table -> rows of the installation."""
    desk = _Desk()
    # 1: autoreply, a reply after an hour, closed, re-opened by the customer, closed again; both targets met
    desk.ticket(1, "04 09:00", state=4, owner=11, first_response_at="04 10:00", first_response_in_min=60,
                first_response_diff_in_min=60, close_at="04 12:00", close_in_min=180, close_diff_in_min=300,
                last_close_at="04 15:00")  # fmt: skip
    desk.article(1, "04 09:00", 2)
    desk.article(1, "04 09:00:05", 3, by=1)
    desk.article(1, "04 10:00", 1, by=11)
    desk.article(1, "04 13:00", 2)
    desk.article(1, "04 14:30", 1, by=11)
    desk.due(1, "04 09:00", "first_response", None, "04 11:00")
    desk.due(1, "04 09:00", "close", None, "04 17:00")
    desk.history(1, "04 10:00", "state", 1, 2, by=11)
    desk.history(1, "04 10:00", "owner", 1, 11, by=11)
    desk.due(1, "04 10:00", "first_response", "04 11:00", None)
    desk.history(1, "04 12:00", "state", 2, 4, by=11)
    desk.due(1, "04 12:00", "close", "04 17:00", None)
    desk.history(1, "04 13:00", "state", 4, 2, by=101)
    desk.history(1, "04 15:00", "state", 2, 4, by=11)
    # 2: unassigned and open, with a note inside and a note that was left open: neither is a reply
    desk.ticket(2, "04 09:30", kind=11, priority=3, first_response_escalation_at="04 11:30",
                close_escalation_at="04 17:30", escalation_at="04 11:30")  # fmt: skip
    desk.article(2, "04 09:30", 2, kind=11)
    desk.article(2, "04 09:40", 1, kind=10, internal=True, by=11)
    desk.article(2, "04 09:50", 1, kind=10, by=11)
    desk.due(2, "04 09:30", "first_response", None, "04 11:30")
    # 3: the first response came an hour late
    desk.ticket(3, "04 10:00", state=4, owner=12, first_response_at="04 13:00", first_response_diff_in_min=-60,
                close_at="04 14:00", close_diff_in_min=240, last_close_at="04 14:00")  # fmt: skip
    desk.article(3, "04 10:00", 2)
    desk.article(3, "04 13:00", 1, by=12)
    desk.due(3, "04 10:00", "first_response", None, "04 12:00")
    desk.history(3, "04 10:00", "owner", 1, 12)
    desk.due(3, "04 13:00", "first_response", "04 12:00", None)
    desk.history(3, "04 14:00", "state", 1, 4, by=12)
    # 4: from Users to Field, priority raised, two owners; it receives ticket 5
    desk.ticket(4, "04 10:20", state=4, group=2, owner=12, priority=3, close_at="05 09:00", last_close_at="05 09:00")
    desk.article(4, "04 10:20", 2)
    desk.article(4, "04 10:30", 1, by=11)
    desk.article(4, "04 11:30", 2, by=105)  # written to ticket 5
    desk.article(4, "04 10:00", 2, by=105)  # written to ticket 5 before this ticket was there
    desk.history(4, "04 10:30", "owner", 1, 11, by=11)
    desk.history(4, "04 10:45", "priority", 2, 3, by=11)
    desk.history(4, "04 11:00", "group", 1, 2, by=11)
    desk.history(4, "04 11:05", "owner", 11, 12, by=12)
    desk.history(4, "04 12:00", None, None, None, by=12, kind="received_merge")
    desk.history(4, "05 09:00", "state", 1, 4, by=12)
    # 5: merged into 4; the mark of the merge is a note of the agent
    desk.ticket(5, "04 09:55", state=5)
    desk.article(5, "04 12:00", 1, kind=10, by=12)
    desk.history(5, "04 12:00", None, None, None, by=12, kind="merged_into")
    desk.history(5, "04 12:00", "state", 1, 5, by=12)
    # 6: removed, 7: spam, 8: a call, written down by an agent and closed
    desk.ticket(6, "04 12:30", state=6)
    desk.article(6, "04 12:30", 2)
    desk.history(6, "04 13:00", "state", 1, 6, by=11)
    desk.ticket(7, "04 12:40", state=9)
    desk.article(7, "04 12:40", 2)
    desk.history(7, "04 13:00", "state", 1, 9, by=11)
    desk.ticket(8, "04 14:00", kind=5, state=4, owner=11, by=11, close_at="04 14:05", last_close_at="04 14:05")
    desk.article(8, "04 14:00", 2, kind=5, by=11, origin=108)
    desk.history(8, "04 14:05", "state", 2, 4, by=11)
    # 9: opened by an agent; the customer answers, the agent replies, it waits for a day
    desk.ticket(9, "05 09:00", sender=1, by=11, state=4, owner=11, close_at="06 12:00", last_close_at="06 12:00")
    desk.article(9, "05 09:00", 1, by=11)
    desk.article(9, "05 10:00", 2)
    desk.article(9, "05 11:00", 1, by=11)
    desk.history(9, "05 11:00", "state", 2, 3, by=11)
    desk.history(9, "06 11:00", "state", 3, 2)
    desk.history(9, "06 12:00", "state", 2, 4, by=11)
    # 10: a state of the desk's own, of the type that waits
    desk.ticket(10, "05 09:00", state=4, owner=12, close_at="05 16:00", last_close_at="05 16:00", time_unit=35)
    desk.article(10, "05 09:00", 2)
    desk.history(10, "05 10:00", "state", 1, 8, by=12)
    desk.history(10, "05 14:00", "state", 8, 2, by=12)
    desk.history(10, "05 16:00", "state", 2, 4, by=12)
    # 11: imported, so that nothing was written of its course
    desk.ticket(11, "02 09:00", state=4, close_at="03 12:00", last_close_at="03 12:00", updated="03 12:00")
    desk.article(11, "02 09:00", 2)
    # 12: open, its solution re-dated
    desk.ticket(12, "05 09:00", state=2, owner=11, close_escalation_at="06 17:00")
    desk.article(12, "05 09:00", 2)
    desk.due(12, "05 09:00", "close", None, "05 17:00")
    desk.history(12, "05 09:30", "state", 1, 2, by=11)
    desk.due(12, "05 12:00", "close", "05 17:00", "06 17:00")
    # 13: its article is gone from a ticket that was deleted
    desk.article(13, "05 12:00", 2)
    desk.rows["ticket_time_accountings"] = [
        {"id": i, "ticket_id": 10, "time_unit": n, "created_by_id": 12, "created_at": at("05 15:00")}
        for i, n in ((1, 15), (2, 20))
    ]
    return {**desk.rows, **_lookups()}


def _lookups():
    types = {1: 1, 2: 2, 3: 3, 4: 5, 5: 6, 6: 7, 7: 4, 8: 3, 9: 5}
    numbered = {
        "ticket_state_types": _TYPES, "history_types": _HISTORY_TYPES, "history_objects": ("Ticket", "Ticket::Article"),
        "history_attributes": _ATTRIBUTES, "ticket_article_senders": ("Agent", "Customer", "System"),
    }  # fmt: skip
    out = {name: [{"id": i + 1, "name": n} for i, n in enumerate(names)] for name, names in numbered.items()}
    out["ticket_states"] = [{"id": i, "name": n, "state_type_id": types[i]} for i, n in _NAMES["state"].items()]
    out["ticket_priorities"] = [{"id": i, "name": n} for i, n in _NAMES["priority"].items()]
    out["groups"] = [{"id": i, "name": n} for i, n in _NAMES["group"].items()]
    out["ticket_article_types"] = [
        {"id": i, "name": n, "communication": n != "note"} for i, n in _ARTICLE_TYPES.items()
    ]
    stamps = {"created_at": at("01 08:00"), "updated_at": at("01 08:00")}
    out["users"] = [
        {"id": i, "login": f"user{i}", "firstname": "Private", "lastname": "Person", "email": "p@example.org"}
        for i in (1, 11, 12, *range(101, 113))
    ]
    return {name: [{**row, **stamps} for row in rows] for name, rows in out.items()}


def ticket_of_states(states):
    """Return the tables of one ticket that goes from state to state by the hour, from 4 March 09:00."""
    desk = _Desk()
    closed = {"close_at": "04 10:00", "last_close_at": "04 10:00"} if states[-1] == 4 else {}
    desk.ticket(1, "04 09:00", state=states[-1], **closed)
    desk.history(1, "04 09:00", None, None, None, kind="created")
    for i, (old, new) in enumerate(pairwise(states)):
        desk.history(1, f"04 {10 + i}:00", "state", old, new, by=11)
    return {"tickets": desk.rows["tickets"], "histories": desk.rows["histories"], "ticket_articles": []}
