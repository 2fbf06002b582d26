"""Change points: exact on small series, quiet under noise, blind to units; and the benchmark's measures by hand."""

from itertools import combinations

import numpy as np
import pytest
from cut_scores import cover, f_score, found
from deskcast.features.errors import InputError
from deskcast.models.anomaly.change_points import _best_segmentations, change_points, hampel_filter
from hypothesis import given, settings
from hypothesis import strategies as st


def noise(n, seed, kept=0.0):
    e = np.random.default_rng(seed).normal(size=n + 100)
    for i in range(1, n + 100):
        e[i] += kept * e[i - 1]
    return e[100:] / e.std()


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.8])
def test_quiet_series_hardly_change(kept):
    told = [len(change_points(noise(n, seed, kept))) for seed in range(15) for n in (100, 300)]
    assert np.mean(told) <= 0.15


def test_a_trend_and_a_season_are_no_change():
    t = np.arange(240)
    assert change_points(0.05 * t + noise(240, 1)) == []
    assert change_points(3 * np.sin(2 * np.pi * t / 12) + noise(240, 2)) == []
    assert change_points(0.05 * t + 3 * np.sin(2 * np.pi * t / 12) + noise(240, 3)) == []


def test_levels_are_dated():
    y = noise(300, 0)
    y[100:] += 2
    y[220:] -= 3
    places = change_points(y)
    assert len(places) == 2
    assert np.abs(np.array(places) - [100, 220]).max() <= 3


def test_a_trend_that_bends_is_dated():
    t = np.arange(300)
    places = change_points(np.maximum(t - 150, 0) * 0.1 + 0.3 * noise(300, 4))
    assert len(places) == 1
    assert abs(places[0] - 150) <= 12


def test_noise_that_keeps_half_does_not_hide_a_step_nor_make_one():
    told = []
    for seed in range(8):
        y = noise(200, seed, 0.5)
        y[120:] += 2.5
        told.append(change_points(y))
    assert sum(len(places) == 1 and abs(places[0] - 120) <= 4 for places in told) >= 6


def test_a_spread_that_changes_is_dated_when_asked_for():
    rng = np.random.default_rng(1)
    y = rng.normal(size=300) * np.where(np.arange(300) < 150, 1, 3)
    places = change_points(y, of="spread")
    assert len(places) == 1
    assert abs(places[0] - 150) <= 12
    assert change_points(noise(300, 11), of="spread") == []
    with pytest.raises(InputError, match="'of'"):
        change_points(y, of="colour")


def test_single_outliers_are_no_change_and_a_step_is_no_outlier():
    y = noise(200, 5)
    y[[30, 90, 150]] += 15
    assert change_points(y) == []
    step = np.r_[np.zeros(50), np.ones(50)][:, None]
    np.testing.assert_array_equal(hampel_filter(step), step)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([2.0**-20, 0.5, 1024.0]), st.booleans())
def test_units_and_direction_do_not_matter(seed, scale, flip):
    y = noise(80, seed)
    y[40:] += seed % 4
    assert change_points(y * (-scale if flip else scale)) == change_points(y)
    assert change_points(y[::-1]) == sorted(80 - place for place in change_points(y))


def test_two_columns_share_their_changes_and_one_may_stay_as_it_is():
    t = np.arange(200)
    moving, steady = noise(200, 6) + 4 * (t >= 90), 0.1 * t + noise(200, 7)
    assert change_points(np.column_stack([moving, steady])) == change_points(moving)
    assert change_points(np.column_stack([noise(200, 8), steady])) == []


def test_what_is_missing_is_left_out_and_places_are_those_of_the_series():
    y = noise(150, 9)
    y[80:] += 10
    holes = y.copy()
    holes[[3, 50, 51, 52]] = np.nan
    holes[10] = np.inf
    assert change_points(holes) == change_points(y) == [80]


@pytest.mark.parametrize("values", [[], [1.0], np.ones(50), np.full(50, np.nan), np.zeros((50, 2)), np.arange(8.0)])
def test_series_without_anything_to_see_have_no_change(values):
    assert change_points(values) == []


def test_bad_arguments_are_named():
    for bad, words in (
        ({"values": ["a", "b"]}, "not valid numbers"),
        ({"values": np.zeros((2, 2, 2))}, "not a valid series"),
        ({"values": [1.0], "shapes": ["levl"]}, "level"),
        ({"values": [1.0], "shapes": []}, "'shapes'"),
        ({"values": [1.0], "least": 1}, "'least'"),
        ({"values": [1.0], "penalty": float("nan")}, "'penalty'"),
    ):
        with pytest.raises(InputError, match=words):
            change_points(**bad)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.sampled_from(["level", "trend"]), st.integers(1, 2))
def test_each_cut_is_the_best_of_all(seed, shape, columns):
    n, least = 16, 3
    x = np.random.default_rng(seed).normal(size=(n, columns)).cumsum(axis=0)

    def squares(cuts):
        total = 0.0
        for a, b in zip([0, *cuts], [*cuts, n], strict=True):
            for k in range(columns):
                fit = np.polyfit(np.arange(a, b), x[a:b, k], 0 if shape == "level" else 1)
                total += ((x[a:b, k] - np.polyval(fit, np.arange(a, b))) ** 2).sum()
        return total

    for way in _best_segmentations(x, (shape,) * columns, least, 1.0, 3):
        allowed = [
            cuts
            for cuts in combinations(range(1, n), len(way.starts))
            if all(b - a >= least for a, b in zip([0, *cuts], [*cuts, n], strict=True))
        ]
        assert squares(way.starts) == pytest.approx(min(map(squares, allowed)), abs=1e-8)


def test_long_series_are_dated_to_the_value():
    y = noise(6000, 10)
    y[4321:] += 6
    assert change_points(y) == [4321]


# The benchmark's measures


def test_each_told_change_counts_once():
    # examples of the benchmark's documentation
    assert found({1, 10, 20, 23}, {3, 8, 20}) == {1, 10, 20}
    assert found({1, 10, 20, 23}, {1, 3, 5, 8, 20}) == {1, 10, 20}
    assert found(set(), {1, 2, 3}) == set()
    assert found({1, 2, 3}, set()) == set()


def test_f_score_and_cover_by_hand():
    people = {"a": [50], "b": []}
    assert f_score(people, [50]) == pytest.approx(1.0)  # both see place 0, so recall is 1 and precision 2 of 2
    assert f_score(people, []) == pytest.approx(2 * 1 * 0.75 / 1.75)
    assert f_score(people, [53, 80]) == pytest.approx(2 * (2 / 3) * 1 / (5 / 3))
    assert f_score({"a": [50]}, [56]) == pytest.approx(0.5)
    assert cover(people, [50], 100) == pytest.approx((1 + 0.5) / 2)
    assert cover(people, [], 100) == pytest.approx((0.5 + 1) / 2)
    assert cover({"a": [40]}, [50], 100) == pytest.approx((40 * 0.8 + 60 * 50 / 60) / 100)


@pytest.mark.parametrize(
    ("told", "f1", "covered"),
    [
        ([], 0.48866498740554154, 0.43629300594994175),
        ([116], 0.7854251012145749, 0.8527794314919734),
        ([118], 0.7854251012145749, 0.8610902672421586),
        ([58], 0.39271255060728744, 0.5474883738392131),
    ],
)
def test_measures_are_those_published_for_the_exchange_rate(told, f1, covered):
    # annotations of usd_isk (247 values) and results of the benchmark's own runs on it
    people = {"6": [115, 120], "7": [35, 86, 106, 120], "8": [120], "9": [30, 40, 120], "13": [117, 123]}
    assert f_score(people, told) == pytest.approx(f1, abs=1e-12)
    assert cover(people, told, 247) == pytest.approx(covered, abs=1e-12)


def test_real_series_are_cut_where_people_cut_them(shared_data):
    from tcpd import load

    values, people = load(shared_data("tcpd/series.csv.gz").parent)
    told = {name: change_points(x) for name, x in values.items()}
    for name in ("bank", "quality_control_5"):
        assert told[name] == [], name
    for name, place in (("nile", 28), ("quality_control_1", 144), ("quality_control_3", 179)):
        assert len(told[name]) == 1
        assert abs(told[name][0] - place) <= 2
    assert np.mean([f_score(people[name], told[name]) for name in values]) > 0.78
    assert np.mean([cover(people[name], told[name], len(x)) for name, x in values.items()]) > 0.76
