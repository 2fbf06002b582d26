"""Evidence that goes on from an earlier run: the same to the bit, whatever has changed in between."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from deskcast.features.reuse import are_same, reuse_from
from deskcast.models.shifts.cusum import Evidence, EvidencePass, run_cusum
from deskcast.models.shifts.expected_level import Pace
from deskcast.models.shifts.resumed_evidence import find_first_difference, resume_cusum
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = Pace.of("D")
KINDS = ("count", "share", "duration", "score", "stock")


class Shelf(dict):
    """A store in memory."""

    compares = False

    def __init__(self):
        self.differences = []

    def read(self, slot):
        return self.get(slot)

    def write(self, slot, arrays):
        self[slot] = {name: array.copy() for name, array in arrays.items()}

    def report_difference(self, slot):
        self.differences.append(slot)


def make_panel(kind, seed=0, days=150, series=4):
    rng = np.random.default_rng(seed)
    value = rng.poisson(30, (days, series)).astype(float)
    value[90:110, 1] *= 2  # a run that ends, and one that lasts
    value[100:, 2] *= 1.6
    n = value.copy()
    if kind == "share":
        n = rng.poisson(40, value.shape).astype(float)
        value = rng.binomial(n.astype(int), 0.3) / np.maximum(n, 1)
    value[rng.random(value.shape) < 0.02] = np.nan
    return value, n, np.zeros(value.shape, dtype=bool)


def go(shelf, kind, panel, name=("kpi",)):
    with reuse_from(shelf):
        return resume_cusum(name, kind, panel[0], panel[1], DAY, panel[2])


def assert_same(found, wanted):
    for field in fields(Evidence):
        assert are_same(getattr(found, field.name), getattr(wanted, field.name)), field.name


@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 99),
    ends=st.lists(st.integers(60, 150), min_size=2, max_size=3, unique=True).map(sorted),
    late=st.none() | st.integers(0, 149),
    shut=st.none() | st.integers(0, 149),
)
@settings(max_examples=12, deadline=None)
def test_each_night_is_what_a_pass_over_all_of_it_gives(kind, seed, ends, late, shut):
    value, n, quiet = make_panel(kind, seed)
    shelf = Shelf()
    for end in ends:
        if end == ends[-1] and late is not None:
            value[late, 0] = np.nan if np.isfinite(value[late, 0]) else 0.25
        if end == ends[-1] and shut is not None:
            quiet[shut] = True
        panel = value[:end], n[:end], quiet[:end]
        assert_same(go(shelf, kind, panel), run_cusum(kind, *panel[:2], DAY, panel[2]))


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_follows_a_change_is_judged_again(kind, monkeypatch):
    value, n, quiet = make_panel(kind)
    judged, shelf, step = [], Shelf(), EvidencePass.step
    go(shelf, kind, (value[:140], n[:140], quiet[:140]))
    monkeypatch.setattr(EvidencePass, "step", lambda self, t: (judged.append(t), step(self, t))[1])
    go(shelf, kind, (value[:141], n[:141], quiet[:141]))
    assert judged == [140]
    judged.clear()
    value[101, 3] += 0.5
    go(shelf, kind, (value[:142], n[:142], quiet[:142]))
    assert judged == list(range(98, 142))


@given(kind=st.sampled_from(KINDS), weekly=st.booleans(), ends=st.lists(st.integers(0, 24), min_size=2, max_size=3))
@settings(max_examples=5, deadline=None)
def test_a_season_of_the_year_is_taken_over_too(kind, weekly, ends):
    freq, before, length = ("W-MON", 70, 96) if weekly else ("D", 540, 600)
    value, n, quiet = make_panel(kind, days=length)
    stamps = pd.date_range("2022-01-03", periods=length, freq=freq)
    value *= 1 + 0.3 * np.cos(2 * np.pi * stamps.day_of_year.to_numpy() / 365)[:, None]
    n[np.isnan(value)] = np.nan
    value = np.minimum(value, 1.0) if kind == "share" else value
    shelf = Shelf()
    with reuse_from(shelf):
        for end in (before, *(length - 25 + end for end in sorted(ends)), length):  # the first knows no season yet
            panel = value[:end], n[:end], Pace.of(freq), quiet[:end], stamps[:end], freq
            assert_same(resume_cusum(("kpi",), kind, *panel), run_cusum(kind, *panel))
    (left,) = shelf.values()
    assert left["year"].any() == (kind != "stock")


def test_a_value_that_changes_the_season_of_the_year_is_judged_again_from_there(monkeypatch):
    value, n, quiet = make_panel("count", days=700)
    stamps, judged, step = pd.date_range("2022-01-03", periods=700), [], EvidencePass.step
    shelf = Shelf()
    with reuse_from(shelf):
        resume_cusum(("kpi",), "count", value[:690], n[:690], DAY, quiet[:690], stamps[:690], "D")
        value[600, 0] *= 3
        wanted = run_cusum("count", value, n, DAY, quiet, stamps, "D")
        monkeypatch.setattr(EvidencePass, "step", lambda self, t: (judged.append(t), step(self, t))[1])
        assert_same(resume_cusum(("kpi",), "count", value, n, DAY, quiet, stamps, "D"), wanted)
    assert 560 < judged[0] <= 600
    assert judged[-1] == 699


def test_other_series_and_other_lengths_have_nothing_in_common():
    value, n, quiet = make_panel("count")
    shelf = Shelf()
    go(shelf, "count", (value, n, quiet), ("kpi", "a"))
    go(shelf, "count", (value[:, :3], n[:, :3], quiet[:, :3]), ("kpi", "b"))
    assert len(shelf) == 2
    narrow = (value[:, :3], n[:, :3], quiet[:, :3])  # the name of another panel
    assert_same(go(shelf, "count", narrow, ("kpi", "a")), run_cusum("count", *narrow[:2], DAY, narrow[2]))
    short = (value[:80], n[:80], quiet[:80])  # a log that ends earlier than the last one
    assert_same(go(shelf, "count", short, ("kpi", "b")), run_cusum("count", *short[:2], DAY, short[2]))


def test_a_zero_that_changes_its_sign_is_a_difference():
    was = {name: np.zeros((3, 1)) for name in ("value", "n", "quiet")}
    assert find_first_difference(was, was | {"value": np.array([[0.0], [-0.0], [0.0]])}) == 1


def test_a_comparison_names_what_differs_and_gives_what_is_right():
    panel, shelf = make_panel("count"), Shelf()
    go(shelf, "count", panel)
    shelf.compares = True
    wanted = run_cusum("count", *panel[:2], DAY, panel[2])
    assert_same(go(shelf, "count", panel), wanted)
    assert shelf.differences == []
    (slot,) = shelf
    shelf[slot]["trace.up"][50, 0] += 1.0
    assert_same(go(shelf, "count", panel), wanted)
    assert shelf.differences == [slot]
    shelf.compares = False
    assert_same(go(shelf, "count", panel), wanted)
