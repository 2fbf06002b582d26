"""Shifts: quiet panels stay quiet, injected shifts are found, nothing peeks, and odd series are named."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.series.kpi_kinds import infer_kpi_kind
from deskcast.models.series.panel import build_period_grid, infer_freq
from deskcast.models.shifts.detect import DETECTION_COLUMNS, detect_shifts
from deskcast.models.shifts.incident import benjamini_hochberg
from panels import KINDS, quiet, shifted

FROZEN = ["kpi", "series", "direction", "started_at", "detected_at"]


def history(values, kpi="made_up", **columns):
    days = pd.date_range("2024-01-01", periods=len(values), unit="us")
    return pd.DataFrame({"kpi": kpi, "ds": days, "value": values, **columns})


def steady(days=120, level=100.0, seed=0):
    return np.random.default_rng(seed).poisson(level, days).astype(float)


@pytest.mark.parametrize("kind", KINDS)
def test_quiet_panels_give_at_most_one_false_alarm_a_week(kind):
    found = [detect_shifts(quiet(kind, seed=seed)) for seed in range(3)]
    assert sum(map(len, found)) <= 3 * 200 / 7


def test_large_shifts_are_found_soon_and_dated():
    frame, truth = shifted("share", 4.0, shifts=20, series=60, seed=3)
    sizes = frame.groupby("team")["n"].mean()
    truth = truth[truth["series"].map(sizes) > 25]
    found = detect_shifts(frame).merge(truth, on="series")
    found = found[(found["detected_at"] >= found["start"]) & (found["detected_at"] <= found["end"])]
    first = found.sort_values("detected_at").groupby("series").first()
    assert len(first) >= 0.8 * len(truth)
    assert (first["detected_at"] - first["start"]).dt.days.median() <= 3
    assert ((first["started_at"] - first["start"]).dt.days.abs() <= 3).mean() >= 0.8
    assert (first["direction"] == "up").all()
    assert (first["after"] > first["before"]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_peeks(kind):
    frame, _ = shifted(kind, 2.5, shifts=8, series=20, days=170, seed=2)
    whole = detect_shifts(frame)
    assert len(whole) >= 3
    for end in ("2023-05-01", "2023-05-20", "2023-06-06"):
        cut = detect_shifts(frame[frame["ds"] <= end])
        known = whole[whole["detected_at"] <= end]
        pd.testing.assert_frame_equal(cut[FROZEN], known[FROZEN].reset_index(drop=True))


def test_order_of_rows_does_not_matter():
    frame, _ = shifted("share", 4.0, shifts=4, series=10, days=150, seed=2)
    pd.testing.assert_frame_equal(detect_shifts(frame), detect_shifts(frame.sample(frac=1, random_state=1)))


def test_a_spike_is_one_incident():
    values = steady()
    values[100] = 260
    found = detect_shifts(history(values))
    assert found[["kind", "direction", "before", "after"]].round(-1).values.tolist() == [["spike", "up", 100, 260]]
    assert found["started_at"].iloc[0] == found["last_at"].iloc[0] == pd.Timestamp("2024-04-10")
    assert found["resolved"].iloc[0]
    assert found.columns.tolist() == list(DETECTION_COLUMNS)


def test_a_level_that_moves_and_returns_is_one_shift():
    values = steady(200)
    values[100:130] = np.round(values[100:130] * 1.35)
    found = detect_shifts(history(values))
    assert len(found) == 1
    row = found.iloc[0]
    assert row["direction"] == "up"
    assert row["kind"] == "level_shift"
    assert abs((row["started_at"] - pd.Timestamp("2024-04-10")).days) <= 2
    assert row["resolved"]


def test_a_level_that_stays_is_not_resolved_at_once():
    values = steady(110)
    values[104:] = np.round(values[104:] * 0.5)
    row = detect_shifts(history(values)).iloc[0]
    assert (row["direction"], row["resolved"]) == ("down", False)
    assert row["after"] < 70 < row["before"]


def test_known_days_explain_instead_of_alarm():
    values = steady()
    values[100] = 10
    day = pd.Timestamp("2024-04-10")
    assert len(detect_shifts(history(values))) == 1
    for known in ([day], {"2024-04-10": "Bank holiday"}):
        found = detect_shifts(history(values), holidays=known)
        assert len(found) == 0
        kpi, series, when, name = found.attrs["explained"][0]
        assert (kpi, series, when) == ("made_up", "all", day)
        assert name in ("known day", "Bank holiday")


def test_odd_series_do_not_alarm_and_are_named():
    days = 120
    odd = {
        "constant": np.full(days, 7.0),
        "nothing": np.full(days, np.nan),
        "yesterday": np.r_[np.full(days - 1, np.nan), 50.0],
    }
    frame = pd.concat([history(v).assign(team=name) for name, v in odd.items()])
    none = history(np.full(days, np.nan), kpi="on_time", n=0.0, numerator=0.0).assign(team="empty")
    found = detect_shifts(pd.concat([frame, none]))
    assert len(found) == 0
    notes = " | ".join(found.attrs["notes"])
    for words in (
        "constant: no alarm",
        "(constant)",
        "nothing: no alarm",
        "yesterday: no alarm",
        "too short",
        "no cases",
    ):
        assert words in notes


def test_empty_and_tiny_histories():
    assert detect_shifts(history([])).columns.tolist() == list(DETECTION_COLUMNS)
    assert len(detect_shifts(history([1.0]))) == 0
    assert len(detect_shifts(history([0.0] * 200))) == 0


def test_little_volume_and_little_effect_stay_silent():
    values = np.zeros(150)
    values[140] = 4
    assert len(detect_shifts(history(values))) == 0
    large = np.round(np.random.default_rng(1).normal(1_000_000, 1000, 150))
    large[140] *= 1.05
    assert len(detect_shifts(history(large))) == 0
    assert len(detect_shifts(history(large), min_effect=0.01)) == 1


def test_weeks_and_hours():
    weeks = pd.DataFrame({"kpi": "made_up", "ds": pd.date_range("2022-01-03", periods=80, freq="7D", unit="us")})
    weeks["value"] = steady(80, 400)
    weeks.loc[60, "value"] = 900
    assert detect_shifts(weeks)["started_at"].tolist() == [weeks["ds"].iloc[60]]
    hours = pd.DataFrame({"kpi": "made_up", "ds": pd.date_range("2024-01-01", periods=24 * 70, freq="h", unit="us")})
    shape = 20 + 15 * np.sin(np.arange(24 * 70) * 2 * np.pi / 24)
    hours["value"] = np.random.default_rng(0).poisson(shape).astype(float)
    hours.loc[1600:1603, "value"] += 60
    found = detect_shifts(hours)
    assert len(found) == 1
    assert found["started_at"].iloc[0] == hours["ds"].iloc[1600]


def test_backlog_is_judged_by_its_change():
    false = 0
    for seed in range(6):
        values = np.round(500 + np.cumsum(np.random.default_rng(seed).normal(0, 8, 200)))
        false += len(detect_shifts(history(values, kpi="backlog")))
        values[150:] += 200
        found = detect_shifts(history(values, kpi="backlog"))
        jump = found[found["started_at"] == pd.Timestamp("2024-05-30")]
        assert jump[["kind", "direction"]].values.tolist() == [["spike", "up"]]
        assert jump["impact"].iloc[0] == pytest.approx(200, abs=30)
    assert false <= 3  # of 170 weeks


def council(path, column, first="2018", last="2024-03-31"):
    """Return the daily number of cases of all offices together."""
    cases = pd.read_csv(path, usecols=[column])
    stamps = pd.date_range(f"{first}-01-01", last, unit="us")
    daily = pd.to_datetime(cases[column], errors="coerce").value_counts().reindex(stamps, fill_value=0)
    kpi = {"opendate": "cases_opened", "closedate": "cases_resolved"}[column]
    return pd.DataFrame({"kpi": kpi, "ds": stamps, "value": daily.to_numpy(float)})


def test_council_cases_of_march_2020_and_the_end_of_the_data(shared_data):
    found = detect_shifts(council(shared_data("nyc_council_cases/council_cases.csv.gz"), "opendate"))
    falls = found[(found["kind"] == "level_shift") & (found["direction"] == "down")]
    march = falls[(falls["detected_at"] >= "2020-03-12") & (falls["detected_at"] <= "2020-03-25")]
    assert len(march) == 1
    assert abs((march["changed_at"].iloc[0] - pd.Timestamp("2020-03-13")).days) <= 5
    # found on 15 December while no season of the year was expected
    end = falls[(falls["detected_at"] >= "2023-12-01") & (falls["detected_at"] <= "2023-12-21")]
    assert len(end) == 1
    assert abs((end["changed_at"].iloc[0] - pd.Timestamp("2023-12-09")).days) <= 3
    assert len(found) <= 6.3 * 12


def test_council_cases_closed_in_masses_are_spikes(shared_data):
    found = detect_shifts(council(shared_data("nyc_council_cases/council_cases.csv.gz"), "closedate"))
    spikes = found[(found["kind"] == "spike") & (found["direction"] == "up")].set_index("started_at")
    for day in ("2019-06-25", "2019-07-16", "2022-05-05", "2022-07-18"):  # 1,255, 4,224, 2,636 and 1,936 on one day
        assert spikes.loc[day, "after"] > 5 * spikes.loc[day, "before"]


def test_discoveries_hold_their_rate():
    z = np.random.default_rng(0).normal(size=(4000, 50))
    assert benjamini_hochberg(z, 0.1).any(axis=1).mean() == pytest.approx(0.1, abs=0.02)
    assert not benjamini_hochberg(np.full((3, 4), np.nan), 0.1).any()
    assert benjamini_hochberg(np.array([[4.0, 4.0, 4.0, 0.0]]), 0.05).sum() == 3


def test_grids():
    assert infer_freq(pd.date_range("2024-01-01", periods=5, freq="QS")) == "QS"
    assert infer_freq(pd.DatetimeIndex(["2024-01-01"])) == "D"
    months, at = build_period_grid(pd.DatetimeIndex(["2024-03-01", "2024-01-01"]), "MS")
    assert (len(months), at.tolist()) == (3, [2, 0])
    with pytest.raises(InputError, match="frequency"):
        build_period_grid(pd.DatetimeIndex(["2024-03-01"]), "fortnight")


def test_kinds_come_from_the_catalogue_or_the_first_values():
    assert infer_kpi_kind("cases_opened", history([1.5])) == "count"
    assert infer_kpi_kind("sla_attainment_resolution", history([1.0])) == "share"
    assert infer_kpi_kind("first_response_time", history([60.0])) == "duration"
    assert infer_kpi_kind("made_up", history([1.0, 2.0])) == "count"
    assert infer_kpi_kind("made_up", history([-1.0, 2.5])) == "score"


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda h: h.drop(columns="value"), {}, "'value'"),
        (lambda h: h.assign(ds="monday"), {}, "not valid times"),
        (lambda h: h.assign(ds=pd.NaT), {}, "'ds', row 1"),
        (lambda h: h.assign(value="many"), {}, "not valid numbers"),
        (lambda h: h, {"false_alerts_per_week": -1}, "false_alerts_per_week"),
        (lambda h: h, {"kinds": {"made_up": "counts"}}, "did you mean 'count'"),
    ],
)
def test_bad_input_is_named(change, options, words):
    with pytest.raises(InputError, match=words):
        detect_shifts(change(history(steady(30))), **options)


def test_durations_that_are_steady_or_nought_stay_silent_over_seconds():
    rng = np.random.default_rng(0)
    seconds = np.zeros(150)
    seconds[140] = 12
    assert len(detect_shifts(history(seconds, kpi="answer_time", n=30.0))) == 0
    hours = np.exp(rng.normal(9, 0.2, 150))
    hours[140] *= 6
    found = detect_shifts(history(hours, kpi="resolution_time", n=30.0))
    assert found["started_at"].tolist() == [pd.Timestamp("2024-05-20")]
    assert found["before"].iloc[0] == pytest.approx(8100, rel=0.2)


def test_heavy_tails_are_learnt():
    days, series = 400, 30
    rng = np.random.default_rng(3)
    value = np.exp(8 + rng.standard_t(4, (days, series)))  # on a log scale: one in a hundred lies fortyfold off
    frame = pd.DataFrame({"kpi": "resolution_time", "value": value.ravel(), "n": 20.0})
    frame["team"] = np.tile([f"t{i:02d}" for i in range(series)], days)
    frame["ds"] = np.repeat(pd.date_range("2023-01-02", periods=days, unit="us"), series)
    found = detect_shifts(frame)
    late = found[found["detected_at"] >= "2023-07-01"]
    assert len(late) / ((days - 180) / 7) <= 1.3


def test_the_known_events_of_a_simulated_desk_are_found_with_their_drivers():
    desk = pytest.importorskip("deskcast.pipelines.simulated_desk.desk").simulate_desk(20_000)
    from deskcast.features.case_log.log import CaseLog
    from deskcast.features.kpis.kpi_history import kpi_history
    from deskcast.models.drivers.attribution import rank_drivers

    log = CaseLog.from_frames(timezone=desk.truth["timezone"], cases=desk.tables["cases"])
    events = {
        e["kind"]: pd.Timestamp(e["start"]).tz_convert(log.timezone).tz_localize(None) for e in desk.truth["events"]
    }
    total = detect_shifts(kpi_history(log, "cases_opened"))
    day = events["outage"].normalize()
    outage = total[(total["direction"] == "up") & (total["started_at"] == day)]
    assert len(outage) == 1
    assert rank_drivers(log, outage.iloc[0], ["channel", "product", "region"]).iloc[0]["value"] == "Internet"
    web = detect_shifts(kpi_history(log, "cases_opened", by="channel"))
    web = web[(web["series"] == "web") & (web["direction"] == "down")]
    assert ((web["started_at"] - events["broken_form"].normalize()).abs() <= pd.Timedelta(days=3)).sum() == 1


def test_a_burst_within_a_shift_is_a_detection_of_its_own_and_a_bad_day_is_not():
    rng = np.random.default_rng(5)
    value = rng.poisson(np.where(np.arange(160) >= 140, 40.0, 25.0)).astype(float)
    days = pd.date_range("2025-01-06", periods=160)
    for peak, kinds in ((160.0, ["level_shift", "spike"]), (70.0, ["level_shift"])):
        value[155] = peak
        found = detect_shifts(pd.DataFrame({"kpi": "cases_opened", "ds": days, "value": value}))
        found = found[found["last_at"] >= days[140]]
        assert sorted(found["kind"]) == kinds
        assert peak != 160.0 or found.set_index("kind").at["spike", "after"] == peak
