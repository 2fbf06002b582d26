import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.panels.reconcile import hierarchy, least_squares, reconcile, reconcile_values
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

LEAVES = [f"{c}/{r}" for c in ("chat", "mail", "phone") for r in ("north", "south")]


def base(seed, low=0.0):
    tree, rng = hierarchy(LEAVES, ["channel", "region"]), np.random.default_rng(seed)
    leaf = np.maximum(rng.gamma(0.5, 20, (len(LEAVES), 5)) - low, 0)
    return tree, leaf, np.maximum(tree.sums @ leaf * rng.uniform(0.2, 1.8, (len(tree.sums), 5)), 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 3.0]))
def test_it_is_the_non_negative_least_squares_of_a_textbook(seed, low):
    tree, leaf, above = base(seed, low)
    found = reconcile_values(tree.sums, leaf, above)
    scale = 1 / np.sqrt(np.concatenate([tree.sums.sum(axis=1), np.ones(len(leaf))]))
    whole = np.concatenate([tree.sums, np.eye(len(leaf))])
    for c in range(leaf.shape[1]):
        free = leaf[:, c] > 0
        there = np.concatenate([above[:, c], leaf[:, c]])
        slow = np.zeros(len(leaf))
        if free.any():
            slow[free] = nnls(whole[:, free] * scale[:, None], there * scale)[0]
        np.testing.assert_allclose(found[:, c], slow, atol=1e-7 * (1 + there.max()))


def test_plain_least_squares_falls_below_zero_where_ours_does_not():
    below = 0
    for seed in range(20):
        tree, leaf, above = base(seed)
        below += int((least_squares(tree.sums, leaf, above) < 0).sum())
        assert (reconcile_values(tree.sums, leaf, above) >= 0).all()
    assert below > 20


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_forecasts_that_add_up_stay_as_they_are(seed):
    tree, leaf, _ = base(seed)
    np.testing.assert_allclose(reconcile_values(tree.sums, leaf, tree.sums @ leaf), leaf, atol=1e-9)


@pytest.mark.parametrize("method", ["wls", "bottom_up"])
def test_every_sum_is_the_sum_of_its_leaves(method):
    tree, leaf, above = base(3)
    stamps = pd.date_range("2024-03-04", periods=5)
    nodes = tree.nodes.loc[tree.nodes.index.repeat(5), ["node"]].reset_index(drop=True)
    nodes["ds"], nodes["deskcast"] = np.tile(stamps, len(tree.nodes)), np.concatenate([above, leaf]).ravel()
    nodes["deskcast-lo-80"], nodes["deskcast-hi-80"] = nodes["deskcast"] * 0.8, nodes["deskcast"] * 1.2
    out = reconcile(nodes.sample(frac=1, random_state=0), tree, method)
    by = out.assign(channel=out["unique_id"].str.split("/").str[0]).set_index("level")
    leaves = by.loc["channel/region"]
    np.testing.assert_allclose(
        leaves.groupby(["channel", "ds"])["deskcast"].sum().to_numpy(), by.loc["channel", "deskcast"].to_numpy()
    )
    np.testing.assert_allclose(
        leaves.groupby("ds")["deskcast"].sum().to_numpy(), by.loc["total", "deskcast"].to_numpy()
    )
    assert (out["deskcast-lo-80"] <= out["deskcast"]).all()
    assert (out["deskcast-hi-80"] >= out["deskcast"]).all()
    if method == "bottom_up":
        np.testing.assert_allclose(leaves["deskcast"], leaf.ravel())


def test_sums_that_are_not_forecast_are_made_from_the_rest():
    frame = pd.DataFrame({"unique_id": ["chat", "phone"], "ds": pd.Timestamp("2024-03-04"), "deskcast": [1.0, 4.0]})
    assert reconcile(frame, "channel")["deskcast"].tolist() == [5.0, 1.0, 4.0]


def test_a_leaf_that_is_certain_to_be_empty_stays_empty():
    found = reconcile_values(np.ones((1, 3)), np.array([[0.0], [2.0], [4.0]]), np.array([[12.0]]))
    assert found[0] == 0
    assert found.sum() > 6


def test_faults_are_named():
    tree, _, _ = base(0)
    frame = pd.DataFrame({"unique_id": ["chat"], "ds": pd.Timestamp("2024-03-04"), "deskcast": [1.0]})
    with pytest.raises(InputError, match="missing forecast of a leaf"):
        reconcile(frame, tree)
    with pytest.raises(InputError, match="did you mean 'bottom_up'"):
        reconcile(frame, tree, "bottomup")
    with pytest.raises(InputError, match="does not fit the columns"):
        hierarchy(["a/b", "a"], ["x", "y"])
    with pytest.raises(InputError, match="did you mean 'channel'"):
        hierarchy(LEAVES, ["channel", "region"], [["chanel"]])
    with pytest.raises(InputError, match="duplicate name of a node"):
        reconcile(frame, hierarchy(["a/a", "b/b"], ["x", "y"]))
    with pytest.raises(InputError, match="duplicate forecast"):
        reconcile(pd.concat([frame, frame]), ["channel"])
