"""Agents scheduled on contacts and recorded elsewhere: sick or in a meeting, but neither late nor at a late lunch."""

from types import SimpleNamespace

import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.pipelines.stages.off_plan import read_agents_off

ZONE = "Europe/Berlin"


def stretches(state, *rows):
    frame = pd.DataFrame(rows, columns=["agent_id", state, "start", "end"])
    for name in ("start", "end"):
        frame[name] = pd.to_datetime("2024-03-04 " + frame[name]).dt.tz_localize(ZONE)
    return frame


def make_queue(**tables):
    cases = pd.DataFrame({"case_id": ["c"], "created_at": pd.Timestamp("2024-03-01", tz=ZONE)})
    log = CaseLog.from_frames(cases=cases, **tables, timezone=ZONE, until="2024-03-05T00:00Z")
    return SimpleNamespace(project=SimpleNamespace(log=log), spec=SimpleNamespace(interval_s=3600), where={})


PLAN = stretches(
    "activity",
    ("sick", "phone", "08:00", "12:00"),
    ("meets", "phone", "08:00", "10:00"),
    ("meets", "meeting", "10:00", "11:00"),
    ("late", "phone", "08:00", "12:00"),
    ("hungry", "phone", "08:00", "12:00"),
)
DID = stretches(
    "state",
    ("sick", "absent", "08:00", "12:00"),
    ("meets", "available", "08:00", "09:30"),
    ("meets", "meeting", "09:30", "11:00"),  # half an hour of it is not planned
    ("late", "handling", "09:00", "12:00"),
    ("hungry", "available", "08:00", "10:00"),
    ("hungry", "break", "10:00", "12:00"),
)
HOURS = pd.Series(pd.date_range("2024-03-04 08:00", periods=5, freq="h"))


def test_who_is_off_beside_the_schedule_counts_and_who_is_late_does_not():
    off = read_agents_off(make_queue(schedules=PLAN, agent_time=DID), HOURS)
    assert off.tolist() == pytest.approx([1, 1.5, 1, 1, 0])


@pytest.mark.parametrize("known", [{"schedules": PLAN}, {"agent_time": DID}, {}])
def test_without_plan_or_time_nothing_is_known(known):
    assert read_agents_off(make_queue(**known), HOURS) is None
