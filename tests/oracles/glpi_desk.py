"""A small installation of GLPI: seven tickets of March 2024, with what the system itself would have written."""

from __future__ import annotations

from helpdesk_dumps import at

#: The tables that are read, and two that are not, with the columns of the real schema.
DDL = """
glpi_tickets: id int, entities_id int, name varchar(255), date timestamp NULL, closedate timestamp NULL, solvedate timestamp NULL, takeintoaccountdate timestamp NULL, date_mod timestamp NULL, users_id_lastupdater int, status int, users_id_recipient int, requesttypes_id int, content longtext, urgency int, impact int, priority int, itilcategories_id int, type int, time_to_resolve timestamp NULL, time_to_own timestamp NULL, begin_waiting_date timestamp NULL, actiontime int, is_deleted tinyint, date_creation timestamp NULL
glpi_tickets_users: id int, tickets_id int, users_id int, type int, alternative_email varchar(255)
glpi_groups_tickets: id int, tickets_id int, groups_id int, type int
glpi_logs: id int, itemtype varchar(100), items_id int, itemtype_link varchar(100), linked_action int, user_name varchar(255), date_mod timestamp NULL, id_search_option int, old_value varchar(255), new_value varchar(255)
glpi_itilfollowups: id int, itemtype varchar(100), items_id int, date timestamp NULL, users_id int, content longtext, is_private tinyint, requesttypes_id int, date_creation timestamp NULL
glpi_itilsolutions: id int, itemtype varchar(100), items_id int, solutiontypes_id int, content longtext, date_creation timestamp NULL, users_id int, status int
glpi_ticketsatisfactions: id int, tickets_id int, type int, date_begin timestamp NULL, date_answered timestamp NULL, satisfaction int, comment text
glpi_itilcategories: id int, name varchar(255), completename text
glpi_groups: id int, name varchar(255), completename text
glpi_entities: id int, name varchar(255), completename text, address text, phonenumber varchar(255)
glpi_requesttypes: id int, name varchar(255)
glpi_users: id int, name varchar(255), phone varchar(255), realname varchar(255), firstname varchar(255), date_mod timestamp NULL
glpi_events: id int, items_id int, type varchar(255), date timestamp NULL, message text
"""  # noqa: E501
_GROUPS = {1: "First line", 2: "IT &#62; Field"}


class _Desk:
    """What the rows are collected in."""

    def __init__(self):
        self.rows = {name.split(":")[0]: [] for name in DDL.strip().splitlines()}

    def add(self, table, **row):
        self.rows[table].append({"id": len(self.rows[table]) + 1, **row})

    def ticket(self, key, opened, status, *, asked=None, group=None, tech=None, **more):
        row = {
            "id": key, "entities_id": 1, "name": "Private title", "date": at(opened), "status": status,
            "content": "private text", "priority": 3, "itilcategories_id": 5, "type": 1, "requesttypes_id": 1,
            "users_id_recipient": 100 + key, "actiontime": 0, "is_deleted": 0, "date_mod": at("07 12:00"),
        }  # fmt: skip
        times = ("closedate", "solvedate", "time_to_own", "time_to_resolve")
        self.rows["glpi_tickets"].append(row | {k: at(v) if k in times else v for k, v in more.items()})
        self.add("glpi_tickets_users", tickets_id=key, users_id=asked or 100 + key, type=1, alternative_email="p@x.org")
        if tech:
            self.add("glpi_tickets_users", tickets_id=key, users_id=tech, type=2)
        if group:
            self.add("glpi_groups_tickets", tickets_id=key, groups_id=group, type=2)

    def log(self, ticket, when, option, old, new, *, by="Ann Agent (11)", action=0, link="", kind="Ticket"):
        self.add(
            "glpi_logs", itemtype=kind, items_id=ticket, itemtype_link=link, linked_action=action, user_name=by,
            date_mod=at(when), id_search_option=option, old_value=old, new_value=new,
        )  # fmt: skip

    def created(self, ticket, when):
        self.log(ticket, when, 0, "", "", by=f"Person {ticket} ({100 + ticket})", action=20)

    def team(self, ticket, when, group, *, added=True):
        said = f"{_GROUPS[group]} ({group})"
        texts = ("", said) if added else (said, "")
        self.log(ticket, when, 8, *texts, action=15 if added else 16, link="Group")

    def agent(self, ticket, when, user):
        self.log(ticket, when, 5, "", f"Bob Agent ({user})", action=15, link="User")

    def followup(self, ticket, when, user, *, private=0, kind="Ticket"):
        self.add("glpi_itilfollowups", itemtype=kind, items_id=ticket, date=at(when), users_id=user,
                 content="private text", is_private=private)  # fmt: skip

    def solution(self, ticket, when, user):
        self.add("glpi_itilsolutions", itemtype="Ticket", items_id=ticket, content="private text",
                 date_creation=at(when), users_id=user, status=2)  # fmt: skip


def make_rows():
    """Return table -> rows of the installation."""
    desk = _Desk()
    # 1: answered after an hour, waits for the customer for an hour, which moves its due time on; solved, closed, rated
    desk.ticket(1, "04 09:00", 6, group=1, tech=11, solvedate="04 13:00", closedate="05 13:00", actiontime=1800,
                time_to_own="04 11:00", time_to_resolve="04 18:00")  # fmt: skip
    desk.created(1, "04 09:00")
    desk.team(1, "04 09:00", 1)
    desk.agent(1, "04 10:00", 11)
    desk.log(1, "04 10:00", 12, "1", "2")
    desk.followup(1, "04 10:00", 11)
    desk.log(1, "04 11:00", 12, "2", "4")
    desk.followup(1, "04 12:00", 101)
    desk.log(1, "04 12:00", 12, "4", "2", by="Person 1 (101)")
    desk.log(1, "04 12:00", 18, at("04 17:00"), at("04 18:00"), by="Person 1 (101)")
    desk.log(1, "04 12:30", 1, "Private title", "Another private title")
    desk.solution(1, "04 13:00", 11)
    desk.log(1, "04 13:00", 12, "2", "5")
    desk.log(1, "05 13:00", 12, "5", "6", by="cron_closeticket")
    desk.add("glpi_ticketsatisfactions", tickets_id=1, type=1, date_begin=at("05 13:00"), date_answered=at("06 09:00"),
             satisfaction=4, comment="private text")  # fmt: skip
    # 2: new and open; a note inside, and an answer by mail of somebody without an account
    desk.ticket(2, "04 09:30", 1, time_to_resolve="05 09:30", itilcategories_id=0, requesttypes_id=2)
    desk.created(2, "04 09:30")
    desk.followup(2, "04 09:40", 11, private=1)
    desk.followup(2, "04 10:40", 0)
    # 3: from First line to Field, priority raised, opened again by the customer
    desk.ticket(3, "04 10:00", 5, group=2, tech=12, solvedate="06 09:00", priority=5, itilcategories_id=6)
    desk.created(3, "04 10:00")
    desk.team(3, "04 10:00", 1)
    desk.team(3, "04 11:00", 1, added=False)
    desk.team(3, "04 11:00", 2)
    desk.log(3, "04 11:00", 3, "3", "5")
    desk.log(3, "04 11:00", 7, "Réseau (5)", "Matériel &#62; Écran (6)")
    desk.agent(3, "04 11:30", 12)
    desk.log(3, "04 11:30", 12, "1", "2")
    desk.solution(3, "05 09:00", 12)
    desk.log(3, "05 09:00", 12, "2", "5", by="Bob Agent (12)")
    desk.log(3, "05 12:00", 12, "5", "2", by="Person 3 (103)")
    desk.log(3, "06 09:00", 12, "2", "5", by="Bob Agent (12)")
    # 4: deleted
    desk.ticket(4, "04 11:00", 1, is_deleted=1)
    desk.created(4, "04 11:00")
    desk.log(4, "04 11:05", 12, "1", "2")
    # 5: its log was purged
    desk.ticket(5, "04 11:00", 6, solvedate="04 13:00", closedate="04 14:00", time_to_resolve="04 12:00")
    # 6: a request of another entity that waits for an approval
    desk.ticket(6, "04 12:00", 10, type=2, entities_id=2)
    desk.created(6, "04 12:00")
    desk.log(6, "04 12:10", 12, "1", "10")
    desk.add("glpi_ticketsatisfactions", tickets_id=6, type=1, date_begin=at("06 13:00"))
    # what has the same numbers and is of no ticket
    desk.log(1, "04 10:30", 12, "1", "6", kind="Problem")
    desk.log(1, "04 10:30", 31, "1", "6", kind="Computer")
    desk.followup(1, "04 09:10", 11, kind="Problem")
    desk.rows["glpi_itilcategories"] = [
        {"id": 5, "name": "Network", "completename": "Network"},
        {"id": 6, "name": "Screen", "completename": "Hardware &#62; Screen"},
    ]
    desk.rows["glpi_groups"] = [{"id": k, "name": n, "completename": n} for k, n in _GROUPS.items()]
    desk.rows["glpi_entities"] = [{"id": i, "name": f"Site {i}", "completename": f"Desk > Site {i}",
                                   "address": "Private street 1", "phonenumber": "555"} for i in (1, 2)]  # fmt: skip
    names = ("Helpdesk", "E-Mail", "Phone")
    desk.rows["glpi_requesttypes"] = [{"id": i + 1, "name": name} for i, name in enumerate(names)]
    desk.rows["glpi_users"] = [{"id": 11, "name": "ann", "phone": "555", "realname": "Private", "firstname": "Ann",
                                "date_mod": at("01 09:00")}]  # fmt: skip
    return desk.rows
