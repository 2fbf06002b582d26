"""The made-up cases of which every form of export is written."""

from __future__ import annotations

import datetime as dt

START = dt.datetime(2023, 3, 1, 9, 0)


PRIORITIES = ("High", "Medium", "Low")


MONTHS = {
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni"),
    "fr": ("janvier", "févr.", "mars", "avril", "mai", "juin"),
    "it": ("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno"),
}


def cases():
    """Return id, opening, end (or None) and priority; every seventh case is open."""
    rows = []
    for i in range(80):
        opened = START + dt.timedelta(minutes=667 * i)
        closed = None if i % 7 == 0 else opened + dt.timedelta(hours=7 + (i * 11) % 37, minutes=i % 50)
        rows.append((str(1000 + i), opened, closed, PRIORITIES[i % 3]))
    return rows


def text(form):
    """Return a function that writes a time in a strftime format."""
    return lambda at: "" if at is None else at.strftime(form)


def table(head, write, mark=",", rows=None):
    """Return the text of a table."""
    lines = [head] + [[i, write(o), write(c), p] for i, o, c, p in rows or cases()]
    return "".join(mark.join(map(str, line)) + "\n" for line in lines)


HEAD = ["Ticket ID", "Created", "Closed", "Priority"]


ISO = text("%Y-%m-%d %H:%M")
