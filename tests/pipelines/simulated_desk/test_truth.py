"""The known events of the simulated desk can be seen in its tables."""

import json

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.simulated_desk.world import known_events, truth_factors

WEEK = pd.Timedelta(days=7)


@pytest.fixture(scope="module", params=[1, 2])
def desk(request):
    return simulate_desk(40_000, seed=request.param)


@pytest.fixture
def known(desk):
    events = {event["kind"]: event for event in desk.truth["events"]}
    for event in events.values():
        event["from"], event["to"] = pd.Timestamp(event["start"]), pd.Timestamp(event["end"])
    return events


def inside(cases, start, end):
    return (cases["created_at"] >= start) & (cases["created_at"] < end)


def in_segment(cases, event):
    return np.logical_and.reduce([cases[column] == value for column, value in event["segment"].items()])


def ratio(cases, chosen, event, weeks):
    """Cases in the span of the event against the same span some weeks before."""
    during = (chosen & inside(cases, event["from"], event["to"])).sum()
    before = [
        (chosen & inside(cases, event["from"] - k * WEEK, event["to"] - k * WEEK)).sum() for k in range(1, weeks + 1)
    ]
    return during / np.mean(before)


def test_truth_is_complete(tmp_path, desk):
    write_desk(desk, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert {e["kind"] for e in truth["events"]} == {"outage", "product_fault", "agent_leaves", "broken_form"}
    for event in truth["events"]:
        assert {"kind", "start", "end", "segment", "size", "effect", "kpis"} <= set(event)
        assert pd.Timestamp(event["start"]) < pd.Timestamp(event["end"]) <= pd.Timestamp(truth["until"])
        assert event["kpis"]


def test_outage(desk, known):
    cases, events = desk.tables["cases"], desk.tables["events"]
    outage = known["outage"]
    struck = in_segment(cases, outage)
    assert 4.0 < ratio(cases, struck, outage, 4) < 8.5
    assert 0.6 < ratio(cases, ~struck, outage, 4) < 1.5
    mine = set(cases.loc[struck, "case_id"])
    done = events[events["kind"].eq("resolved") & events["actor_role"].eq("agent") & events["case_id"].isin(mine)]
    assert not done["at"].between(outage["from"], outage["to"], inclusive="left").any()
    assert done["at"].between(outage["to"], outage["to"] + pd.Timedelta(days=1)).sum() > 10


def test_product_fault(desk, known):
    cases = desk.tables["cases"]
    fault = known["product_fault"]
    struck = in_segment(cases, fault)
    recent = inside(cases, fault["from"] - 8 * WEEK, fault["from"])
    days = (fault["to"] - fault["from"]) / pd.Timedelta(days=1)
    during = struck & inside(cases, fault["from"], fault["to"])
    assert 1.8 < during.sum() / days / ((struck & recent).sum() / 56) < 3.3
    kinds = cases["case_type"].eq("fault")
    assert kinds[during].mean() > kinds[struck & recent].mean() + 0.2
    assert fault["to"] == pd.Timestamp(desk.truth["until"])


def test_agent_leaves(desk, known):
    cases, events = desk.tables["cases"], desk.tables["events"]
    leaves = known["agent_leaves"]
    last = desk.tables["agent_time"].query("agent_id == @leaves['agent_id']")["start"].max()
    assert leaves["from"] - 3 * WEEK < last < leaves["from"]
    reopened = cases["case_id"].isin(events.loc[events["kind"] == "reopened", "case_id"])
    mine, after = in_segment(cases, leaves), cases["created_at"] >= leaves["from"]
    assert reopened[mine & after].mean() > 1.5 * reopened[mine & ~after].mean()
    assert 0.75 < reopened[~mine & after].mean() / reopened[~mine & ~after].mean() < 1.25
    surveys = desk.tables["surveys"].query("kind == 'csat'").dropna(subset=["score"])
    scores = cases.merge(surveys[["case_id", "score"]], on="case_id")
    good, mine, after = scores["score"] >= 4, in_segment(scores, leaves), scores["created_at"] >= leaves["from"]
    assert good[mine & after].mean() < good[mine & ~after].mean() - 0.10
    assert abs(good[~mine & after].mean() - good[~mine & ~after].mean()) < 0.06
    talk = desk.tables["contacts"].merge(cases, on="case_id").dropna(subset=["answered_at"])
    length = (talk["ended_at"] - talk["answered_at"]).dt.total_seconds()
    mine, after = in_segment(talk, leaves), talk["created_at"] >= leaves["from"]
    assert length[mine & after].mean() > 1.15 * length[mine & ~after].mean()


def test_repeat_contacts_of_the_lost_account(desk, known):
    cases, leaves = desk.tables["cases"], known["agent_leaves"]
    gap = cases.groupby(["customer_id", "product"])["created_at"].shift(-1) - cases["created_at"]
    again = gap <= WEEK
    mine, after = in_segment(cases, leaves), cases["created_at"] >= leaves["from"]
    assert again[mine & after].mean() > 1.5 * again[mine & ~after].mean()
    assert desk.truth["repeat_contacts"] > 0.07 * len(cases)


def test_broken_form(desk, known):
    cases = desk.tables["cases"]
    form = known["broken_form"]
    assert ratio(cases, in_segment(cases, form), form, 4) < 0.2
    assert 1.0 < ratio(cases, cases["channel"].isin(["phone", "email"]), form, 4) < 1.5


def test_rates_are_what_was_drawn_from(desk):
    """Over the whole span and in segments the counts follow the expected rates."""
    cases, rates = desk.tables["cases"], desk.rates
    assert rates["y"].sum() == pytest.approx(len(cases))
    for column in ("product", "region"):
        expected, seen = rates.groupby(column)["y"].sum(), cases.groupby(column).size()
        assert ((seen - expected).abs() / expected).max() < 0.06


def test_factors_hold_the_volume_events():
    factors = truth_factors()
    assert factors.shape == (546, 4, 4, 4)
    assert factors.max() > 3
    assert factors.min() == pytest.approx(known_events()["broken_form"].size)
    assert (factors == 1).mean() > 0.98
