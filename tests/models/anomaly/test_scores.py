"""Scores of single series: nothing peeks, quiet series stay quiet, one event is one alarm, odd series are named."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.anomaly.evidence import (
    WARM_UP_VALUES,
    measure_novelty,
    measure_recent_deviation,
    rank_evidence,
    suppress_repeats,
    tail_evidence,
)
from deskcast.models.anomaly.scores import ANOMALY_COLUMNS, DETECTION_THRESHOLD, anomaly_scores
from deskcast.models.anomaly.views import seasonal, views
from hypothesis import given, settings
from hypothesis import strategies as st
from nab_rules import PROFILES, Marked, final, worth


def frame(values, freq="5min", **columns):
    stamps = pd.date_range("2024-01-01", periods=len(values), freq=freq, unit="us")
    return pd.DataFrame({"ds": stamps, "y": np.asarray(values, dtype=float), **columns})


def made(kind, n, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    return {
        "normal": rng.normal(size=n),
        "counts": rng.poisson(5 + 4 * np.sin(t * 2 * np.pi / 24), n).astype(float),
        "steps": np.repeat(rng.normal(size=n // 20 + 1), 20)[:n],
        "heavy": rng.standard_t(2, n),
    }[kind]


KINDS = st.sampled_from(["normal", "counts", "steps", "heavy"])


@settings(deadline=None, max_examples=15)
@given(KINDS, st.integers(0, 1000), st.integers(60, 390), st.sampled_from(["5min", "h", "D", "W"]))
def test_a_score_depends_on_no_later_value(kind, seed, cut, freq):
    whole = frame(made(kind, 400, seed), freq)
    whole.loc[200, "y"] += 30
    pd.testing.assert_frame_equal(anomaly_scores(whole)[:cut], anomaly_scores(whole[:cut]))


@settings(deadline=None, max_examples=10)
@given(KINDS, st.integers(0, 1000), st.sampled_from([2.0**-20, 0.25, 8.0, 2.0**30]), st.booleans())
def test_units_do_not_matter(kind, seed, scale, flip):
    y = made(kind, 300, seed)
    one, other = anomaly_scores(frame(y, "h")), anomaly_scores(frame(y * (-scale if flip else scale), "h"))
    np.testing.assert_allclose(one["score"], other["score"], atol=1e-9)
    np.testing.assert_allclose(other["expected"], one["expected"] * (-scale if flip else scale), rtol=1e-9)


def test_an_offset_does_not_matter():
    y = made("normal", 500, 0)
    one, other = anomaly_scores(frame(y)), anomaly_scores(frame(y + 100))
    np.testing.assert_allclose(one["score"], other["score"], atol=1e-9)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter_and_repeated_stamps_share_their_score(seed):
    rng = np.random.default_rng(seed)
    parts = [frame(made(kind, 150, seed), "h", unique_id=kind) for kind in ("normal", "counts")]
    rows = pd.concat([*parts, parts[0].iloc[[30, 100, 100]].assign(y=9.0)], ignore_index=True)
    found = anomaly_scores(rows)
    assert list(found.columns) == list(ANOMALY_COLUMNS)
    assert len(found) == len(rows)
    mixed = anomaly_scores(rows.sample(frac=1, random_state=int(rng.integers(1000))))
    pd.testing.assert_frame_equal(found, mixed)
    assert (found.groupby(["unique_id", "ds"])["score"].nunique() == 1).all()
    alone = anomaly_scores(parts[1])
    together = found[found["unique_id"] == "counts"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, together, check_like=True)


def test_a_spike_a_drop_of_the_noise_and_a_broken_season_are_alarms_once_each():
    stamps = pd.date_range("2024-01-01", periods=288 * 14, freq="5min", unit="us")
    day = 50 + 20 * np.sin(np.arange(len(stamps)) * 2 * np.pi / 288)
    rng = np.random.default_rng(0)
    y = day + rng.normal(size=len(stamps))
    y[2000] = 200  # a spike
    y[2600:2640] = day[2600:2640][::-1] + 25  # for hours it goes another way
    y[3500:3510] = 0  # nothing arrives
    found = anomaly_scores(pd.DataFrame({"ds": stamps, "y": y}))
    alarms = np.flatnonzero(found["score"] >= DETECTION_THRESHOLD)
    for start, end in ((2000, 2000), (2600, 2640), (3500, 3510)):
        assert 1 <= ((alarms >= start) & (alarms <= end)).sum() <= 3
    assert len(alarms) <= 12


@pytest.mark.parametrize("kind", ["normal", "counts", "heavy"])
def test_quiet_series_give_about_one_alarm_in_a_thousand_values(kind):
    rates = [
        (anomaly_scores(frame(made(kind, 3000, seed)))["score"] >= DETECTION_THRESHOLD).mean() for seed in range(4)
    ]
    assert np.mean(rates) <= (0.002 if kind == "heavy" else 0.001)


def test_the_band_holds_nineteen_of_twenty_values():
    y = made("normal", 3000, 3) + 10 * np.sin(np.arange(3000) * 2 * np.pi / 288)
    found = anomaly_scores(frame(y)).dropna()
    assert found["y"].between(found["lower"], found["upper"]).mean() == pytest.approx(0.95, abs=0.015)
    assert (found["expected"] - found["y"]).abs().mean() < 1.2  # the noise alone: 0.8


def test_odd_series_are_scored_or_named():
    rng = np.random.default_rng(0)
    gaps = rng.normal(size=120)
    gaps[[70, 90]] = np.nan
    gaps[80] = np.inf
    odd = {
        "constant": np.full(120, 0.1),
        "empty of values": np.full(120, np.nan),
        "short": np.arange(10.0),
        "with gaps": gaps,
    }
    found = anomaly_scores(pd.concat([frame(y, "D", unique_id=name) for name, y in odd.items()], ignore_index=True))
    assert found["score"].between(0, 1).all()
    notes = " | ".join(found.attrs["notes"])
    for words in (
        "constant: constant",
        "empty of values: no values",
        "short: too short: 10 values",
        "1 values are not finite",
    ):
        assert words in notes
    assert "with gaps:" not in notes
    for name in ("constant", "empty of values", "short"):
        assert (found.loc[found["unique_id"] == name, "score"] == 0).all()
    missing = found[found["y"].isna()]
    assert (missing["score"] == 0).all()
    assert missing["expected"].isna().all()
    assert anomaly_scores(frame([], "D")).empty
    with pytest.raises(InputError, match="column 'y'"):
        anomaly_scores(frame([1.0]).drop(columns="y"))
    with pytest.raises(InputError, match="not a valid frequency"):
        anomaly_scores(frame([1.0]), freq="often")


def test_the_first_change_of_a_constant_series_is_an_alarm():
    y = np.full(300, 0.1)
    y[250:] = 0.2
    found = anomaly_scores(frame(y, "h"))
    assert np.flatnonzero(found["score"] >= DETECTION_THRESHOLD).tolist() == [250]


def test_clocks_with_a_zone_and_irregular_stamps_are_read():
    rng = np.random.default_rng(0)
    stamps = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.cumsum(rng.exponential(600, 1500)), unit="s").round("s")
    rows = pd.DataFrame({"ds": stamps.as_unit("us"), "y": rng.normal(size=1500)})
    rows.loc[1200, "y"] = 25
    naive = anomaly_scores(rows)
    zoned = anomaly_scores(rows.assign(ds=rows["ds"].dt.tz_localize("UTC")))
    np.testing.assert_array_equal(naive["score"], zoned["score"])
    assert naive.loc[1200, "score"] >= DETECTION_THRESHOLD


def slow_merge(evidence, seconds, merge_s, least):
    out = []
    for t in range(len(evidence)):
        before = [evidence[i] for i in range(t) if seconds[i] >= seconds[t] - merge_s or i >= t - least]
        out.append(evidence[t] if all(evidence[t] > other for other in before) else 0.0)
    return out


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=40), st.integers(1, 5))
def test_merging_equals_its_slow_twin(pairs, least):
    evidence = np.array([float(e) for e, _ in pairs])
    seconds = np.cumsum([float(gap) for _, gap in pairs])
    assert suppress_repeats(evidence, seconds, 5.0, least).tolist() == slow_merge(evidence, seconds, 5.0, least)


def test_evidence_is_the_share_of_the_past_that_was_as_surprising():
    s = np.random.default_rng(0).exponential(size=300)
    told = rank_evidence(s)
    for t in (60, 150, 299):
        assert told[t] == pytest.approx(-np.log10((s[: t + 1] >= s[t]).mean()))
    assert (told[:WARM_UP_VALUES] == 0).all()
    tail = tail_evidence(np.r_[s, 10.0, 100.0])
    assert tail[-1] > tail[-2] > 2


def test_what_was_never_seen_and_what_is_unusual_of_late():
    y = np.r_[np.tile([0.0, 10.0], 30), np.full(500, 5.0), 10.0, 11.0]
    assert measure_novelty(y)[-2:].tolist() == [0.0, pytest.approx(2.0)]  # the second lies outside of all
    assert measure_recent_deviation(y, 1)[-2] > 1  # the first only outside of the last ones


def test_rounding_is_no_change():
    y = np.full(200, 0.1)
    y[150:] += 1e-15
    assert (measure_novelty(y, 1e-10) == 0).all()
    assert (measure_recent_deviation(y, 6, 1e-10) == 0).all()
    assert (anomaly_scores(frame(y))["score"] == 0).all()


def test_the_season_is_that_of_the_day_or_of_the_week():
    hours = pd.date_range("2024-01-01", periods=24 * 10, freq="h")
    assert seasonal(hours.hour.to_numpy(float), hours, 3600.0)[48:] == pytest.approx(hours.hour.to_numpy()[48:])
    days = pd.date_range("2024-01-03", periods=70)
    weekdays = days.day_of_week.to_numpy(float)
    assert seasonal(weekdays, days, 86400.0)[14:] == pytest.approx(weekdays[14:])
    assert seasonal(weekdays, days, 7 * 86400.0) is None
    assert len(views(weekdays, days, 7 * 86400.0)) == 7


# The rules of the benchmark


def marked(n=1000, windows=((400, 499), (700, 799))):
    stamps = pd.Series(pd.date_range("2024-01-01", periods=n, freq="5min"))
    return Marked.of(stamps, [(stamps[a], stamps[b]) for a, b in windows])


def test_the_worth_of_an_alarm_is_that_of_the_description():
    # worked examples of the benchmark's description: the left edge, the middle and the end of a window, and one behind
    assert worth([-1.0, -0.5, 0.0, 1.0, 3.0]) == pytest.approx([0.98661, 0.84828, 0.0, -0.98661, -1.0], abs=1e-5)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_alarm_is_0_and_one_at_the_start_of_each_window_is_100(profile):
    file, nothing, perfect = marked(), np.zeros(1000, dtype=bool), np.zeros(1000, dtype=bool)
    perfect[[400, 700]] = True
    assert final({"a": file}, {"a": nothing}, profile) == 0
    assert final({"a": file}, {"a": perfect}, profile) == pytest.approx(100)
    false_weight, missed_weight = PROFILES[profile]
    early = nothing.copy()
    early[[10, 200]] = True  # the first lies in the part that does not count
    assert file.raw(early, profile) == pytest.approx(-2 * missed_weight - false_weight)
    many = perfect.copy()
    many[401:420] = True  # more alarms in a window neither help nor hurt
    assert file.raw(many, profile) == pytest.approx(2)
    assert file.counts(many) == (21, 0, 650, 179)
    assert file.hit(many) == 2


def test_a_false_alarm_just_behind_a_window_costs_less():
    file = marked()
    near, far = np.zeros(1000, dtype=bool), np.zeros(1000, dtype=bool)
    near[500], far[650] = True, True
    assert -2.11 < file.raw(far, "standard") < file.raw(near, "standard") < -2


def test_the_rules_give_the_published_scores_of_the_windowed_gaussian(shared_data):
    from nab import PUBLISHED, load, windowed_gaussian

    series, files = load(shared_data("nab/series.csv.gz").parent)
    for name in ("realAdExchange/exchange-3_cpc_results", "realAWSCloudwatch/ec2_cpu_utilization_24ae8d"):
        alarms = windowed_gaussian(series[name]["value"].to_numpy(float)) >= 1.0
        assert files[name].raw(alarms, "standard") == pytest.approx(PUBLISHED[name], abs=1e-12)
    assert sum(file.windows for file in files.values()) == 54


def test_real_series_with_repeated_stamps_are_scored(shared_data):
    from nab import load

    names = ["realAWSCloudwatch/ec2_disk_write_bytes_1ef3de", "realAdExchange/exchange-3_cpc_results"]
    series, files = load(shared_data("nab/series.csv.gz").parent)
    rows = pd.concat([series[n] for n in names]).rename(
        columns={"series": "unique_id", "timestamp": "ds", "value": "y"}
    )
    scores = {
        name: part["score"].to_numpy() >= DETECTION_THRESHOLD
        for name, part in anomaly_scores(rows).groupby("unique_id")
    }
    part = {name: files[name] for name in names}
    assert final(part, scores, "standard") > 50


@pytest.mark.slow
@settings(max_examples=8)
@given(
    st.sampled_from([("h", 24), ("30min", 48), ("15min", 96), ("D", 7)]),
    st.sampled_from(["line", "square", "growth"]),
    st.floats(0.01, 50) | st.floats(-50, -0.01),
    st.integers(0, 100),
)
def test_a_trend_is_no_alarm_and_nothing_within_its_own_band_is(step, shape, slope, noise):
    freq, season = step
    n = 2 * season + 300
    t = np.arange(n, dtype=float)
    shapes = {"line": t, "square": t**2 / 100, "growth": np.exp(t / 400)}
    smooth = slope * shapes[shape]
    rough = smooth + np.random.default_rng(noise).normal(0, 1, n) * (noise % 3)
    for y, is_smooth in ((smooth, True), (rough, noise % 3 == 0)):
        frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=n, freq=freq), "y": y})
        found = anomaly_scores(frame, freq=freq)
        alarms = found[found["score"] >= DETECTION_THRESHOLD]
        assert not ((alarms["y"] >= alarms["lower"]) & (alarms["y"] <= alarms["upper"])).any()
        assert not (is_smooth and len(alarms))


def test_a_value_far_from_a_trend_is_an_alarm():
    y = np.arange(3 * 96 + 200.0)
    y[-20] += 200
    days = pd.date_range("2024-01-01", periods=len(y), freq="15min")
    found = anomaly_scores(pd.DataFrame({"ds": days, "y": y}), freq="15min")
    assert np.flatnonzero(found["score"] >= DETECTION_THRESHOLD).tolist() == [len(y) - 20]


@pytest.mark.parametrize(("seed", "at"), [(10, 930), (25, 975), (3, 940)])
def test_a_fault_that_the_last_values_are_used_to_is_still_an_alarm(seed, at):
    """What no single value shows, since each is like the one before it, the season shows."""
    rng = np.random.default_rng(seed)
    y = 100 + 60 * np.sin(2 * np.pi * np.arange(1200) / 48)
    y += np.convolve(rng.normal(0, 4, 1247), np.ones(48) / np.sqrt(48), "valid")
    k = np.arange(72)
    y[at : at + 72] += 45 * np.minimum(k / 24, 1) * np.minimum((71 - k) / 24, 1)
    found = anomaly_scores(frame(y, "30min"))
    alarms = found[found["score"] >= DETECTION_THRESHOLD]
    assert alarms["ds"].between(found["ds"][at], found["ds"][at + 80]).any()
    assert not alarms["y"].between(alarms["lower"], alarms["upper"]).any()
