"""Recall by the work that is saved: by a loop over cases, and the same whatever the order of ties."""

import numpy as np
import pytest
from deskcast.features.errors import InputError
from deskcast.models.evaluation.workload import recall_by_workload
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(0, 6)), min_size=1, max_size=40))
def test_it_is_the_mean_over_all_orders_of_ties(rows):
    y, p, case = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    worst = {c: (max(y[case == c]), max(p[case == c])) for c in set(case)}
    found = recall_by_workload(y, p, case, saved=[0.0, 0.5])
    cases, bad = len(worst), sum(label for label, _ in worst.values())
    assert found["looked_at"].tolist() == [cases, cases / 2]
    if not bad:
        assert found["recall"].isna().all()
        return
    assert found["recall"].iloc[0] == pytest.approx(1.0)
    rng, hits = np.random.default_rng(0), []
    for _ in range(400):
        order = sorted(worst.values(), key=lambda v: (-v[1], rng.uniform()))
        whole = int(cases / 2)
        part = cases / 2 - whole
        hits.append(sum(v[0] for v in order[:whole]) + (part * order[whole][0] if part else 0.0))
    assert found["recall"].iloc[1] == pytest.approx(np.mean(hits) / bad, abs=0.12)


def test_a_constant_finds_what_it_looks_at():
    y = np.repeat([1.0, 0.0], [30, 970])
    assert recall_by_workload(y, np.full(1000, 0.03), saved=[0.88])["recall"].item() == pytest.approx(0.12)


def test_what_cannot_be_counted_is_named():
    with pytest.raises(InputError, match="one probability and one case"):
        recall_by_workload([1.0], [0.5, 0.5])
    with pytest.raises(InputError, match="from 0 to below 1"):
        recall_by_workload([1.0], [0.5], saved=[1.0])
