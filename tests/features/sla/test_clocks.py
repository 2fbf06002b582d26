"""The moments of some cases are those of the whole log, cut out or fetched by themselves."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.sla import clocks
from deskcast.features.sla.clocks import fetch_timeline, find_timeline
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = ("status", "priority", "paused", "resumed", "message", "resolved", "reopened", "closed")
NAMES = ("10", "9", "a", "A", "b c", "z")


def make_log(seed, *, recorded=False):
    dice = np.random.default_rng(seed)
    opened = pd.Timestamp("2024-03-01T08:00Z") + pd.to_timedelta(dice.integers(0, 100, len(NAMES)), unit="h")
    cases = pd.DataFrame({"case_id": NAMES, "created_at": opened, "priority": dice.choice(["1", "2"], len(NAMES))})
    n = 40
    events = pd.DataFrame({"case_id": dice.choice(NAMES, n), "kind": dice.choice(KINDS, n)})
    events["at"] = pd.Timestamp("2024-03-02T08:00Z") + pd.to_timedelta(dice.integers(0, 90, n), unit="h")
    events["actor_role"], events["new"] = dice.choice(["agent", "customer"], n), dice.choice(["open", "pending"], n)
    more = {"recorded_at": events["at"] + pd.Timedelta("5h")} if recorded else {}
    policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [7200], "clock": ["calendar"]})
    return CaseLog.from_frames(cases=cases, events=events.assign(**more), sla_policies=policies)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 999), st.lists(st.sampled_from((*NAMES, "unknown")), max_size=8), st.booleans())
def test_moments_of_some_cases_are_the_same_fetched_or_cut_out(seed, only, recorded):
    log, only = make_log(seed, recorded=recorded), pd.Series(only, dtype="str")
    found = find_timeline(log, as_recorded=True, only=only)
    wanted = fetch_timeline(log, as_recorded=True, only=only)
    pd.testing.assert_frame_equal(found.cases, wanted.cases)
    pd.testing.assert_series_equal(found.value, wanted.value)
    for field in fields(wanted):
        if field.name not in ("cases", "value"):
            np.testing.assert_array_equal(getattr(found, field.name), getattr(wanted, field.name), field.name)


@pytest.mark.parametrize(("recorded", "fetches"), [(False, 1), (True, 3)])
def test_a_log_is_read_once_where_nothing_is_known_late(monkeypatch, recorded, fetches):
    asked, real = [], clocks.fetch_timeline
    monkeypatch.setattr(clocks, "fetch_timeline", lambda *given, **more: asked.append(1) or real(*given, **more))
    log = make_log(1, recorded=recorded)
    find_timeline(log)
    for name in NAMES[:2]:
        find_timeline(log, as_recorded=True, only=pd.Series([name]))
    assert len(asked) == fetches
