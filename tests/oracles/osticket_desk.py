"""A small installation of osTicket: six tickets of March 2024, with what the system itself would have written."""

from __future__ import annotations

import json

from helpdesk_dumps import at

#: The tables that are read, and two that are not, with the columns of the real schema; the prefix is the owner's.
DDL = """
ost_ticket: ticket_id int, ticket_pid int, number varchar(20), user_id int, user_email_id int, status_id int, dept_id int, sla_id int, topic_id int, staff_id int, team_id int, flags int, sort int, ip_address varchar(64), source varchar(16), isoverdue tinyint, isanswered tinyint, duedate datetime, est_duedate datetime, reopened datetime, closed datetime, lastupdate datetime, created datetime, updated datetime
ost_thread: id int, object_id int, object_type char(1), extra text, lastresponse datetime, lastmessage datetime, created datetime
ost_thread_event: id int, thread_id int, thread_type char(1), event_id int, staff_id int, team_id int, dept_id int, topic_id int, data varchar(1024), username varchar(128), uid int, uid_type char(1), annulled tinyint, timestamp datetime
ost_thread_entry: id int, pid int, thread_id int, staff_id int, user_id int, type char(1), flags int, poster varchar(128), title varchar(255), body text, ip_address varchar(64), created datetime, updated datetime
ost_event: id int, name varchar(60), description varchar(60)
ost_ticket_status: id int, name varchar(60), state varchar(16), mode int, sort int
ost_ticket_priority: priority_id int, priority varchar(60), priority_desc varchar(30), priority_urgency int
ost_ticket__cdata: ticket_id int, subject mediumtext, priority mediumtext
ost_department: id int, pid int, name varchar(128), signature text
ost_help_topic: topic_id int, topic varchar(32), notes text
ost_form_field: id int, form_id int, type varchar(255), label varchar(255), name varchar(64)
ost_user: id int, name varchar(128), created datetime, updated datetime
ost_staff: staff_id int, username varchar(32), firstname varchar(32), lastname varchar(32), email varchar(128), phone varchar(24), created datetime
"""  # noqa: E501
_EVENTS = ("created", "closed", "reopened", "assigned", "released", "transferred", "referred", "overdue", "edited",
           "viewed", "error", "collab", "resent", "deleted", "merged", "unlinked", "linked")  # fmt: skip
_RESOLVED, _CLOSED = [2, "Resolved"], [3, "Closed"]


class _Desk:
    """What the rows are collected in."""

    def __init__(self):
        self.rows = {name.split(":")[0]: [] for name in DDL.strip().splitlines()}

    def add(self, table, **row):
        self.rows[table].append({"id": len(self.rows[table]) + 1, **row})

    def ticket(self, key, created, *, status=1, dept=1, kind="T", thread_of=None, extra=None, **more):
        times = ("duedate", "est_duedate", "closed", "reopened")
        row = {
            "ticket_id": key, "number": str(100000 + key), "user_id": 100 + key, "user_email_id": 7,
            "status_id": status, "dept_id": dept, "sla_id": 1, "topic_id": 3, "staff_id": 0, "team_id": 0, "flags": 0,
            "ip_address": "192.0.2.1", "source": "Web", "created": at(created), "updated": at("07 12:00"),
            "lastupdate": at("07 12:00"),
        }  # fmt: skip
        self.rows["ost_ticket"].append(row | {k: at(v) if k in times else v for k, v in more.items()})
        extra = extra and json.dumps(extra)
        self.add("ost_thread", object_id=thread_of or key, object_type=kind, extra=extra, created=at(created))
        self.rows["ost_ticket__cdata"].append({"ticket_id": key, "subject": "Private title", "priority": "2"})
        self.event(key, created, "created", by=100 + key, kind="U", dept=1)

    def event(self, thread, when, name, data=None, *, by=11, kind="S", dept=1, annulled=0):
        self.add(
            "ost_thread_event", thread_id=thread, thread_type="T", event_id=_EVENTS.index(name) + 1, staff_id=0,
            team_id=0, dept_id=dept, topic_id=3, data=None if data is None else json.dumps(data),
            username="private" if by else "SYSTEM", uid=by, uid_type=kind, annulled=annulled, timestamp=at(when),
        )  # fmt: skip

    def entry(self, thread, when, kind, *, staff=0, user=0, flags=0):
        self.add("ost_thread_entry", pid=0, thread_id=thread, staff_id=staff, user_id=user, type=kind, flags=flags,
                 poster="Private Person", title="Private title", body="private text", ip_address="192.0.2.1",
                 created=at(when), updated=at(when))  # fmt: skip


def make_rows():
    """Return table -> rows of the installation."""
    desk = _Desk()
    # 1: claimed and answered, waits for the customer, resolved, opened again by the customer, resolved again in time
    desk.ticket(1, "04 09:00", status=2, est_duedate="05 09:00", closed="04 15:00", reopened="04 14:00", staff_id=11)
    desk.entry(1, "04 09:00", "M", user=101)
    desk.event(1, "04 10:00", "assigned", {"claim": True})
    desk.entry(1, "04 10:00", "R", staff=11)
    desk.event(1, "04 10:30", "edited", {"status": 6})
    desk.entry(1, "04 12:00", "M", user=101)
    desk.event(1, "04 12:00", "edited", {"status": 1}, by=101, kind="U")
    desk.event(1, "04 13:00", "closed", {"status": _RESOLVED}, annulled=1)
    desk.entry(1, "04 14:00", "M", user=101)
    desk.event(1, "04 14:00", "reopened", False, by=101, kind="U")
    desk.event(1, "04 15:00", "closed", {"status": _RESOLVED})
    # 2: open; notes inside, an entry that was edited, a due time by hand, another priority and topic
    desk.ticket(2, "04 09:30", duedate="05 18:00", est_duedate="05 18:00", topic_id=4)
    desk.rows["ost_ticket__cdata"][-1]["priority"] = "4"
    desk.entry(2, "04 09:30", "M", user=102)
    desk.entry(2, "04 09:31", "N", flags=0x80)
    desk.entry(2, "04 09:40", "N", staff=11)
    desk.entry(2, "04 09:50", "R", staff=11, flags=0x4)
    desk.entry(2, "04 09:55", "R", staff=11, flags=0x2)
    desk.event(2, "04 11:00", "edited", {"duedate": [None, at("05 17:00")]})
    desk.event(2, "04 11:10", "edited", {"fields": {"22": [[2, "Normal"], [4, "Emergency"]]}, "topic_id": [3, 4]})
    desk.event(2, "04 11:30", "edited", {"duedate": [at("05 17:00"), at("05 18:00")]})
    # 3: overdue, and closed late, which emptied its due time
    desk.ticket(3, "04 10:00", status=3, closed="05 09:00")
    desk.entry(3, "04 10:00", "M", user=103)
    desk.event(3, "04 17:01", "overdue", by=None)
    desk.event(3, "04 18:00", "assigned", {"staff": [12, "Bob Agent"]})
    desk.event(3, "05 09:00", "closed", {"status": _CLOSED}, by=12)
    # 4: went to another department; takes ticket 5 up, and is linked with ticket 6
    desk.ticket(4, "04 10:20", dept=2, est_duedate="06 10:00", flags=0x11, source="Email")
    desk.entry(4, "04 10:20", "M", user=104)
    desk.event(4, "04 11:00", "transferred", {"dept": "Field"}, dept=2)
    desk.event(4, "04 11:30", "assigned", {"staff": [12, "Bob Agent"]}, dept=2)
    desk.event(4, "04 11:40", "released", dept=2)
    desk.event(4, "04 12:00", "merged", {"ids": [5]}, dept=2)
    desk.ticket(5, "04 10:40", status=3, closed="04 12:00", ticket_pid=4, flags=0x1, kind="C", thread_of=4,
                extra={"ticket_id": 5, "number": "100005"})  # fmt: skip
    desk.entry(5, "04 10:40", "M", user=105)
    desk.event(5, "04 12:00", "closed", {"status": _CLOSED})
    desk.ticket(6, "04 10:50", ticket_pid=4, flags=0x8, sla_id=0)
    # a task of ticket 1, with a thread of its own; and a thread that was thrown away
    desk.add("ost_thread", object_id=1, object_type="A", created=at("04 09:30"))
    desk.entry(7, "04 09:30", "N", staff=11)
    desk.event(7, "04 09:30", "created")
    desk.entry(99, "04 09:30", "M", user=101)
    desk.rows["ost_event"] = [{"id": i + 1, "name": name, "description": ""} for i, name in enumerate(_EVENTS)]
    states = (("Open", "open"), ("Resolved", "closed"), ("Closed", "closed"), ("Archived", "archived"),
              ("Deleted", "deleted"), ("Warten auf Kunden", "open"))  # fmt: skip
    desk.rows["ost_ticket_status"] = [{"id": i + 1, "name": n, "state": s} for i, (n, s) in enumerate(states)]
    names = ("Low", "Normal", "High", "Emergency")
    desk.rows["ost_ticket_priority"] = [
        {"priority_id": i + 1, "priority": n.lower(), "priority_desc": n} for i, n in enumerate(names)
    ]
    desk.rows["ost_department"] = [{"id": 1, "name": "Support", "signature": "private"}, {"id": 2, "name": "Field"}]
    desk.rows["ost_help_topic"] = [{"topic_id": 3, "topic": "General"}, {"topic_id": 4, "topic": "Network"}]
    fields = ((20, "text", "Summary", "subject"), (22, "priority", "Level", "priority"))
    desk.rows["ost_form_field"] = [{"id": i, "form_id": 2, "type": t, "label": w, "name": n} for i, t, w, n in fields]
    desk.rows["ost_user"] = [{"id": 101, "name": "Private Person", "created": at("01 09:00")}]
    return desk.rows
