"""Every metric with every option, against a slow walk through each case; and what no later log may contradict."""

import itertools

import ibis
import numpy as np
import pandas as pd
import promise_twin
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.features.sla.milestones import milestones
from deskcast.features.sla.policies import SLA_METRICS, find_policy_warnings
from deskcast.features.sla.presets import POLICY_OPTIONS, PRESETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import random_log
from pandas.testing import assert_frame_equal
from promises import CALENDARS

H = 3600.0
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def book(**stated: str) -> pd.DataFrame:
    """Return policies for every measured metric: by priority, in versions, for some cases only, with these options."""
    rows = []
    for metric, hours in zip(SLA_METRICS, (4, 6, 20, 40, 25, 15, 12, 18), strict=True):
        rows += [
            ("vip", metric, "1", hours / 2, "business", "office", None, None, "product = p1"),
            ("vip", metric, None, hours, "calendar", None, None, None, "product = p1"),
            ("all", metric, "1", hours, "calendar", None, "pending", None, None),
            ("all", metric, "1", 2 * hours, "calendar", None, "pending", "2024-03-28T00:00Z", None),
            ("all", metric, "2", hours, "business", "night", None, "2024-03-18T00:00Z", None),
        ]
    rows += [("rest", "resolution", None, 30, "calendar", None, None, None, "channel = email|chat; region = r0")]
    columns = ["policy", "metric", "priority", "target_s", "clock", "calendar", "pause_on", "valid_from", "when"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["target_s"] = frame["target_s"] * H
    frame["valid_from"] = pd.to_datetime(frame["valid_from"], utc=True).astype("datetime64[us, UTC]")
    return frame.assign(**stated)


def desk(seed: int, policies: pd.DataFrame, n_cases: int = 14) -> CaseLog:
    frames = random_log(seed, n_cases)
    events = frames["events"]
    events["public"] = events["public"].astype("boolean").fillna(False)
    events["actor_role"] = events["actor_role"].where(
        events["kind"] != "message", events["actor_role"].replace("bot", "customer")
    )
    return CaseLog.from_frames(cases=frames["cases"], events=events, sla_policies=policies, calendars=CALENDARS)


def twin(log: CaseLog, policies: pd.DataFrame) -> pd.DataFrame:
    events = log.frame("events").assign(public=lambda e: e["public"].astype(object).eq(True))
    found = promise_twin.milestones(
        log.frame("cases"), events, policies, CALENDARS, log.until, BusinessCalendar.always()
    )
    for column in ("started_at", "stopped_at", "decided_at"):
        found[column] = pd.to_datetime(found[column], utc=True).astype("datetime64[us, UTC]")
    return found.sort_values(["case_id", "metric", "cycle"], ignore_index=True)


CHOICES = [dict(zip(POLICY_OPTIONS, chosen, strict=True)) for chosen in itertools.product(*POLICY_OPTIONS.values())]


@pytest.mark.slow
@FEW
@given(seed=st.integers(0, 10**6), stated=st.sampled_from(CHOICES))
def test_every_metric_and_option_is_that_of_the_slow_walk(seed, stated):
    policies = book(**stated)
    log = desk(seed, policies)
    mine, slow = milestones(log), twin(log, policies)
    columns = [c for c in mine.columns if c != "due_at"]
    assert_frame_equal(mine[columns], slow[columns], check_dtype=False, rtol=0, atol=1e-5)


@FEW
@given(seed=st.integers(0, 10**6), stated=st.sampled_from(CHOICES), share=st.floats(0.1, 0.95))
def test_what_is_decided_is_never_contradicted_by_a_later_log(seed, stated, share):
    log = desk(seed, book(**stated))
    start = pd.Timestamp("2024-03-10T00:00Z")
    t = start + (log.until - start) * share
    then, whole = milestones(log.as_of(t)), milestones(log)
    assert (then["decided_at"].dropna() <= t).all()
    decided = then[then["decided_at"].notna()][["case_id", "metric", "cycle", "status", "decided_at"]]
    later = whole[["case_id", "metric", "cycle", "status", "decided_at"]]
    both = decided.merge(later, on=["case_id", "metric", "cycle"], how="left", suffixes=("", "_later"))
    assert (both["status"] == both["status_later"]).all()
    assert (both["decided_at"] == both["decided_at_later"]).all()
    # a cycle that a re-opening starts later on a clock that was broken before is not there yet
    known = whole[whole["decided_at"] <= t].merge(then[["case_id", "metric", "cycle"]])
    assert len(known) == len(decided), "what was decided by then was known then"


def test_every_preset_can_be_chosen_for_every_metric_and_its_options_can_be_overruled():
    for name in PRESETS:
        log = desk(1, book(preset=name or None))
        assert set(milestones(log)["metric"]) == set(SLA_METRICS)
    plain = milestones(desk(1, book()))
    same = dict(zip(POLICY_OPTIONS, ("priority", "keep", "continue", "creation", "creation"), strict=True))
    overruled = milestones(desk(1, book(preset="servicenow", **same)))
    assert_frame_equal(plain, overruled)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"preset": "zendesc"}, "row 1: unknown preset.*'zendesc'.*did you mean 'zendesk'"),
        ({"on_change": "rest"}, "row 1: unknown on_change.*expected one of keep, reset, fixed"),
        ({"cycles": "again"}, "unknown cycles"),
        ({"when": "chanel = phone"}, "unknown column.*'chanel'.*did you mean 'channel'"),
        ({"when": "secret = 1"}, "known when a case is created"),
        ({"when": "phone"}, "not a valid condition"),
    ],
)
def test_an_option_that_does_not_exist_is_named(row, words):
    base = {"policy": "p", "metric": "resolution", "target_s": 60.0, "clock": "calendar"}
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"], "channel": "phone", "secret": "1"})
    frames = {"cases": cases,
              "events": pd.DataFrame({"case_id": ["1"], "at": "2024-03-01T10:00Z", "kind": "resolved"})}  # fmt: skip
    with pytest.raises(InputError, match=words):
        milestones(CaseLog.from_frames(**frames, sla_policies=pd.DataFrame([base | row])))


def test_policies_of_one_metric_need_the_same_options():
    policies = book().assign(preset=np.where(book()["policy"] == "vip", "zendesk", None))
    with pytest.raises(InputError, match=r"same options.*'agent_work'"):
        milestones(desk(1, policies))


def test_statuses_that_never_occur_are_told():
    said = find_policy_warnings(desk(3, book(pause_on="pending, parked"), 40))
    assert any("'parked'" in s for s in said)
    assert not any("'pending'" in s for s in said)
    assert find_policy_warnings(desk(3, book().assign(pause_on="never"))) == []


def test_an_event_that_was_recorded_late_counts_when_it_happened_and_only_from_when_it_was_known():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:00Z"], "kind": ["resolved"],
                           "recorded_at": ["2024-03-01T15:00Z"]})  # fmt: skip
    policy = pd.DataFrame({"policy": ["p"], "metric": ["resolution"], "target_s": [2 * H], "clock": ["calendar"]})
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policy, until="2024-03-01T18:00Z")
    before, after = milestones(log.as_of("2024-03-01T12:00Z")), milestones(log)
    assert before["status"].tolist() == ["breached"], "nobody knew of the resolution at noon"
    assert after["status"].tolist() == ["met"], "the late record corrects what was believed"
    assert before.loc[0, "decided_at"] == pd.Timestamp("2024-03-01T11:00Z")


def test_postgresql_gives_the_same_milestones_of_turns_and_conditions(postgres_uri):
    here = desk(7, book(preset="zendesk"))
    connection = ibis.connect(postgres_uri.replace("postgresql://", "postgres://"))
    names = {}
    for name in ("cases", "events", "sla_policies"):
        connection.create_table(f"turns_{name}", here.table(name).to_pyarrow(), overwrite=True)
        names[name] = f"turns_{name}"
    connection.disconnect()
    there = CaseLog.from_connection(postgres_uri, tables=names, calendars=CALENDARS, until=here.until)
    assert_frame_equal(milestones(here), milestones(there))
