"""Searches for whole numbers: what an earlier run found of the very same programme is not sought again."""

import numpy as np
import pytest
from deskcast.features.reuse import reuse_from
from deskcast.forecasting import solver
from deskcast.forecasting.solver import solve

COST, LOW, HIGH, WHOLE = np.array([3.0, 2.0]), np.zeros(2), np.full(2, 9.0), np.array([True, True])
MATRIX = np.array([[2.0, 1.0]])


class Kept:
    """A store in memory."""

    def __init__(self):
        self.slots, self.compares, self.differences = {}, False, []

    def read(self, slot):
        return self.slots.get(slot)

    def write(self, slot, arrays):
        self.slots[slot] = dict(arrays)

    def report_difference(self, slot):
        self.differences.append(slot)


@pytest.fixture
def searches(monkeypatch):
    """Give the searches that are made, one entry each."""
    made, search = [], solver._search
    monkeypatch.setattr(solver, "_search", lambda *words: made.append(words) or search(*words))
    return made


def ask(store, least=5.0):
    with reuse_from(store):
        return solve(COST, [(MATRIX, least, np.inf)], LOW, HIGH, whole=WHOLE)


def test_the_same_programme_is_searched_once_and_another_one_again(searches):
    store = Kept()
    first, again = ask(store), ask(store)
    assert len(searches) == 1
    assert first.x.tolist() == again.x.tolist()
    assert (first.cost, first.bound, first.message) == (again.cost, again.bound, again.message)
    assert ask(store, 7.0).cost > first.cost
    assert len(searches) == 2


def test_what_cannot_be_is_remembered_as_such(searches):
    store = Kept()
    assert ask(store, 99.0).x is None
    assert ask(store, 99.0).x is None
    assert len(searches) == 1


def test_a_comparison_searches_again_and_names_what_differs(searches):
    store = Kept()
    ask(store)
    store.compares = True
    ask(store)
    assert len(searches) == 2
    assert store.differences == []
    (slot,) = store.slots
    store.slots[slot]["x"] = store.slots[slot]["x"] + 1
    assert ask(store).x.tolist() == [2.0, 1.0]
    assert store.differences == [slot]


@pytest.mark.parametrize(
    "broken", [{}, {"x": np.ones(2)}, {"x": np.ones(2), "cost": np.ones(1), "message": np.array([])}]
)
def test_a_slot_that_holds_something_else_is_sought_again(searches, broken):
    store = Kept()
    ask(store)
    store.slots = dict.fromkeys(store.slots, broken)
    assert ask(store).x.tolist() == [2.0, 1.0]
    assert len(searches) == 2


def test_without_a_store_and_for_fractions_nothing_is_kept(searches):
    store = Kept()
    with reuse_from(store):
        solve(COST, [(MATRIX, 5.0, np.inf)], LOW, HIGH)
    assert store.slots == {}
    assert ask(None).x is not None
