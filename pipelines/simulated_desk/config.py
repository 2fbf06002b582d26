"""The configuration of the simulated desk, written as an owner would write it."""

from __future__ import annotations

from collections.abc import Iterable

from .tables import SLA_CALENDAR, SLA_TARGETS_H
from .world import COUNTRIES, END_DAY, TIMEZONE, ZONES

#: The goal that was moved, as ``truth.json`` says it, and what to try where the owner of an account has left.
MOVED_GOAL = {"name": "keep customers", "kpi": "csat", "from": 0.75, "to": 0.80, "valid_from": "2025-10-01"}
ADVICE_ON_LEAVER = "Name a second technician for the account and plan a joint visit"

_HEAD = """\
# deskcast.toml of a simulated desk. 'deskcast run' in this folder does the whole job.
# What really happened to this desk stands in truth.json.

timezone = "{zone}"               # the desk's own clock: days and weeks begin in it

# Where the tables are. Their columns already have the canonical names; for a file of your own,
# add e.g. [source.cases.columns] with created_at = "Opened".
"""

_BODY = """
# When people are there. A calendar has its own time zone; holidays: a country, or a list of dates.
[calendar.{office}]
timezone = "{zones[0]}"
open = {{ mon-fri = ["08:00-18:00"] }}
holidays = "{countries[0]}"

[calendar.west]
timezone = "{zones[1]}"
open = {{ mon-fri = ["08:00-18:00"] }}
holidays = "{countries[1]}"

[calendar.phone]
timezone = "{zones[0]}"
open = {{ mon-fri = ["08:00-21:00"], sat = ["09:00-15:00"] }}

# SLA targets by priority, in business hours; the clock is paused while the case waits for the customer.
{slas}
# Which history is kept.
[history]
by = ["channel", "product", "region"]
freq = "D"
calendar = "office"

# What is forecast: cases a day by channel, four weeks ahead.
[forecast]
by = ["channel"]
freq = "D"
horizon = 28
holidays = "{countries[0]}"

# A day that is open but different may be named, so that it does not spoil the forecast:
# [[event]]
# name = "outage"
# start = "2025-11-11"
# end = "2025-11-12"

# Targets of the queues, and what their agents need.
[staffing.phone]
service_level = 0.80
within = "20s"
patience = "200s"
shrinkage = 0.15
max_occupancy = 0.85
interval = "30min"
calendar = "phone"

[staffing.chat]
kind = "chat"
concurrency = 1              # chats that an agent holds at once; with 2, slowdown = 0.2 makes each a fifth slower
within = "60s"
shrinkage = 0.15
calendar = "phone"

[staffing.email]
kind = "cases"               # work that can wait until it is due
aht = "12min"
interval = "1h"
shrinkage = {{ leave = 0.10, breaks = 0.06 }}
shrinkage_parts = "multiply" # each of what the other leaves: 15.4%; "add": each of all paid time, 16%
confidence = 0.8             # enough agents with this probability
calendar = "office"

# What people can work; the shifts that cover the phone at least cost.
[shifts.full-time]
queue = "phone"
lengths = ["8h30min"]
days = ["mon-sat"]
first_start = "08:00"
last_end = "21:00"
days_per_week = 5

[shifts.part-time]
queue = "phone"
lengths = ["5h"]
days = ["mon-sat"]
first_start = "08:00"
last_end = "21:00"
days_per_week = 4

# When the list of open cases is read, how many are listed, and how many can be worked on in a day.
[risk]
at = "08:00"
top = 10
train_days = 120
cases_per_day = 20
segments = ["account"]       # whose customers lately said what, for dissatisfaction

# What to do about a case at risk: the first that fits its leading reason, risk level, priority, team ...
[[action]]
when = {{ reason = "transfers", risk_level = "high|very high" }}
do = "name one owner and keep the case there"
success_rate = 0.5           # chance that it prevents the breach when it comes in time
effort = "15min"

# Where shifts are looked for, and how many false alarms a week are borne over all of it.
[watch]
by = ["channel", "product", "region", "account"]
false_alerts_per_week = 1.0

# What the desk wants to reach, by the end of each month unless a period (W, MS, QS, YS) is given.
[[goal]]
name = "meet SLA targets"
kpi = "sla_attainment"
target = 0.85
period = "QS"

[[goal]]
name = "keep customers"
kpi = "csat"
target = {goal[from]:.2f}
serves = "retention"         # or scale, cost: deskcast goals --review

# A goal that was moved: each version with the day from which it holds.
[[goal]]
name = "keep customers"
kpi = "csat"
target = {goal[to]:.2f}
serves = "retention"
valid_from = "{goal[valid_from]}"

# A goal of one segment.
[[goal]]
name = "no second call in Ireland"
kpi = "repeat_contact_rate"
target = 0.15
where = {{ region = "Ireland" }}
serves = "cost"

# What to try about a KPI alert: the first two that fit, before the advice that ships with deskcast.
[[advice]]
when = {{ driver = "account", cause = "owner stopped|hand-over", change = "worse" }}
do = "{advice}"
who = "field service lead"
effort = "1d"

# A change whose effect is asked for: deskcast compare --changes
[[change]]
name = "technician of account A2 left"
date = "2025-08-18"
touches = {{ account = "A2" }}

# KPIs by agent, under pseudonyms; off where this is not set.
[people]
by_agent = true

[tracking]
uri = "sqlite:///mlflow.db"
experiment = "deskcast-demo"

[results]
path = "results"
"""


def format_desk_config(tables: Iterable[str]) -> str:
    """Return the text of ``deskcast.toml`` for the tables of the desk."""
    sources = []
    for name in tables:
        if name == "sla_policies":  # the promises stand in the configuration itself
            continue
        lines = [f"[source.{name}]", 'kind = "table"', f'path = "data/{name}.parquet"']
        if name == "cases":
            lines.append('attributes = { account = "creation" }  # a further column, and when it becomes known')
            lines.append(f'until = "{END_DAY}"  # the log is complete up to this midnight')
        sources.append("\n".join(lines) + "\n")
    slas = []
    for priority, *targets in SLA_TARGETS_H:
        for metric, hours in zip(("first_response", "resolution"), targets, strict=True):
            slas.append(
                f'[[sla]]\npolicy = "standard"\nmetric = "{metric}"\npriority = "{priority}"\ntarget = "{hours}h"\n'
                f'clock = "business"\ncalendar = "{SLA_CALENDAR}"\npause_on = ["pending"]\n'
            )
    body = _BODY.format(office=SLA_CALENDAR, zones=ZONES, countries=COUNTRIES, slas="\n".join(slas), goal=MOVED_GOAL,
                        advice=ADVICE_ON_LEAVER)  # fmt: skip
    return _HEAD.format(zone=TIMEZONE) + "\n" + "\n".join(sources) + body
