"""Five kinds of export, made up: a case table, an event log, counts by interval, a Zendesk folder, an audit log."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from deskcast.features.sources.spec import LoadedSource

Rng = np.random.Generator


@dataclass(frozen=True)
class Sheet:
    """A file: its rows with the header first, and how they are written."""

    name: str
    rows: list[list[str]]
    delimiter: str = ","
    encoding: str = "utf-8"
    end: str = "\n"
    quoting: int = csv.QUOTE_MINIMAL
    cut: float = 1.0
    head: str = ""
    foot: str = ""
    essential: frozenset[int] = frozenset()

    def text(self) -> str:
        """Return the file as text, before it is cut."""
        out = io.StringIO()
        csv.writer(out, delimiter=self.delimiter, lineterminator=self.end, quoting=self.quoting).writerows(self.rows)
        return self.head + out.getvalue() + self.foot

    def data(self) -> bytes:
        """Return the file as bytes."""
        whole = self.text().encode(self.encoding, errors="replace")
        return whole[: round(len(whole) * self.cut)]


@dataclass(frozen=True)
class Export:
    """One kind of export: its files, and how many rows of a file were used, by what was read."""

    kind: str
    sheets: tuple[Sheet, ...]
    table: str
    used: Callable[[LoadedSource], int]
    folder: bool = False
    done: tuple[str, ...] = field(default=())


def stamps(rng: Rng, n: int, days: int = 40) -> pd.DatetimeIndex:
    """Return sorted times to the minute, from Monday 4 March 2024."""
    minutes = np.sort(rng.integers(0, days * 1440, n))
    return pd.DatetimeIndex(pd.Timestamp("2024-03-04") + pd.to_timedelta(minutes, unit="min"))


def case_table(rng: Rng, n: int = 60) -> Export:
    """Return a table with one row a case."""
    opened = stamps(rng, n)
    closed = opened + pd.to_timedelta(rng.integers(5, 5000, n), unit="min")
    rows = [["Ticket", "Opened", "Closed", "Channel", "Priority", "Subject"]]
    for i in range(n):
        end = "" if rng.random() < 0.1 else f"{closed[i]:%Y-%m-%d %H:%M}"
        subject = str(rng.choice(["printer, broken", 'says "no"', "café", "login"]))
        rows.append([f"T-{i:04d}", f"{opened[i]:%Y-%m-%d %H:%M}", end, one(rng, CHANNELS), one(rng, "123"), subject])
    sheet = Sheet("cases.csv", rows, essential=frozenset({0, 1}))
    return Export("case table", (sheet,), "cases", lambda part: len(part.tables["cases"]))


def event_log(rng: Rng, n: int = 20) -> Export:
    """Return a log with one row an activity."""
    rows = [["Case ID", "Timestamp", "Activity", "Resource", "Product"]]
    for i, at in enumerate(stamps(rng, n)):
        for j, activity in enumerate(["Take in charge", "Wait", "Resolve ticket", "Closed"][: int(rng.integers(2, 5))]):
            when = at + pd.Timedelta(minutes=int(37 * j + i))
            rows.append([f"Case {i}", f"{when:%Y-%m-%d %H:%M:%S}", activity, one(rng, ["ann", "bob"]), one(rng, "AB")])
    sheet = Sheet("log.csv", rows, essential=frozenset({0, 1, 2}))
    return Export("event log", (sheet,), "events", used_events)


def used_events(part: LoadedSource) -> int:
    """Return how many rows became events: what the adapter adds (creations, ends of pauses) does not count."""
    kinds = part.tables["events"]["kind"]
    return int((~kinds.isin(["created", "resumed", "reopened"])).sum())


def interval_counts(rng: Rng, n: int = 96) -> Export:
    """Return a table of counts by half hour."""
    at = pd.date_range("2024-03-04", periods=n, freq="30min")
    rows = [["Interval", "Calls Offered"], *([f"{t:%Y-%m-%d %H:%M}", str(rng.integers(0, 300))] for t in at)]
    sheet = Sheet("calls.csv", rows, essential=frozenset({0, 1}))
    return Export("interval counts", (sheet,), "volumes", lambda part: len(part.tables["volumes"]))


def zendesk_folder(rng: Rng, n: int = 25) -> Export:
    """Return tickets, comments and users as a replication of Zendesk writes them."""
    tickets = [
        ["id", "created_at", "updated_at", "status", "priority", "type", "via_channel", "requester_id", "group_id"]
    ]
    comments = [["id", "ticket_id", "created_at", "public", "author_id", "body"]]
    for i, at in enumerate(stamps(rng, n)):
        end = at + pd.Timedelta(minutes=int(rng.integers(60, 3000)))
        tail = [
            one(rng, ["closed", "open"]),
            one(rng, ["low", "high"]),
            "incident",
            one(rng, ["email", "web"]),
            "901",
            "11",
        ]
        tickets.append([str(100 + i), f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{end:%Y-%m-%dT%H:%M:%SZ}", *tail])
        for j in range(int(rng.integers(1, 4))):
            when = at + pd.Timedelta(minutes=20 * j)
            who = "901" if j == 0 else "701"
            comments.append([str(1000 + 10 * i + j), str(100 + i), f"{when:%Y-%m-%dT%H:%M:%SZ}", "true", who, "text"])
    users = [["id", "role", "active"], ["701", "agent", "true"], ["901", "end-user", "true"]]
    sheets = (
        Sheet("tickets.csv", tickets, essential=frozenset({0, 1})),
        Sheet("comments.csv", comments, essential=frozenset({1, 2})),
        Sheet("users.csv", users, essential=frozenset({0, 1})),
    )
    return Export("zendesk folder", sheets, "cases", lambda part: len(part.tables["cases"]), folder=True)


def servicenow_log(rng: Rng, n: int = 20) -> Export:
    """Return an audit log of ServiceNow incidents."""
    rows = [
        ["number", "incident_state", "made_sla", "caller_id", "opened_at", "sys_updated_at", "contact_type", "priority"]
    ]
    for i, at in enumerate(stamps(rng, n)):
        for j, state in enumerate(["New", "Active", "Resolved", "Closed"]):
            when = at + pd.Timedelta(minutes=90 * j)
            times = [f"{at:%d/%m/%Y %H:%M}", f"{when:%d/%m/%Y %H:%M}"]
            rows.append([f"INC{i:07d}", state, "true", f"Caller {i % 7}", *times, "Phone", "3 - Moderate"])
    sheet = Sheet("incident_event_log.csv", rows, essential=frozenset({0, 1, 4, 5}))
    return Export("servicenow log", (sheet,), "events", lambda part: len(part.tables["cases"]))


CHANNELS = ["phone", "e-mail", "chat"]
EXPORTS = (case_table, event_log, interval_counts, zendesk_folder, servicenow_log)


def one(rng: Rng, of: Any) -> str:
    """Return one of several at random."""
    return str(of[int(rng.integers(len(of)))])
