"""How a change ends: only known periods can be quiet, and back to normal and become usual are two states."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.shifts.detect import detect_shifts
from deskcast.models.shifts.endings import settle
from deskcast.models.shifts.incident import Detection
from deskcast.models.shifts.ledger import build_alerts, join_causes, update_alerts
from deskcast.models.shifts.watched import watch_kpi
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = pd.Timedelta(days=1)


def counts(level, days=200, start=120, stop=None, seed=0, base=60.0):
    """Return daily cases that run at ``level`` times their usual number from a day to another."""
    rng = np.random.default_rng(seed)
    mean = np.full(days, base)
    mean[start:stop] *= level
    stamps = pd.date_range("2024-01-01", periods=days, unit="us")
    return pd.DataFrame({"kpi": "cases_opened", "ds": stamps, "value": rng.poisson(mean).astype(float)})


def shares(p, days=200, start=120, stop=None, seed=0, n=40):
    """Return a daily share that is 0.12, and ``p`` from a day to another."""
    rng = np.random.default_rng(seed)
    chance = np.full(days, 0.12)
    chance[start:stop] = p
    hits = rng.binomial(n, chance).astype(float)
    stamps = pd.date_range("2024-01-01", periods=days, unit="us")
    frame = {"kpi": "reopen_rate", "ds": stamps, "value": hits / n, "n": float(n), "numerator": hits}
    return pd.DataFrame(frame)


def first(history, day=120):
    found = detect_shifts(history)
    start = history["ds"].min() + day * DAY
    about = found[(found["changed_at"] - start).abs() <= 5 * DAY]
    return about.sort_values("z", key=abs).iloc[-1]


@pytest.mark.slow
@settings(max_examples=15)
@given(st.sampled_from([(counts, 1.8), (counts, 0.5), (shares, 0.3)]), st.integers(0, 20), st.integers(6, 70))
def test_what_goes_on_is_never_called_over(kind, seed, age):
    make, level = kind
    history = make(level, days=120 + age, seed=seed)
    states = {first(history[: 120 + k])["state"] for k in range(6, age, 8)}
    assert "back to normal" not in states
    assert (first(history)["state"] == "become usual") == (age > 35) or 26 <= age <= 35


@settings(max_examples=15)
@given(st.sampled_from([(counts, 1.8), (counts, 0.5), (shares, 0.35)]), st.integers(0, 20), st.integers(7, 20))
def test_what_is_back_is_said_so_and_dated(kind, seed, length):
    make, level = kind
    row = first(make(level, stop=120 + length, seed=seed))
    end = pd.Timestamp("2024-01-01") + (120 + length) * DAY
    assert row["state"] == "back to normal"
    assert row["resolved"]
    assert abs(row["last_at"] - end) <= 5 * DAY


@pytest.mark.parametrize("unknown", [7, 14])
def test_periods_whose_value_is_not_known_yet_are_not_quiet(unknown):
    history = shares(0.35, days=140)
    history.loc[history.index[-unknown:], ["value", "numerator"]] = np.nan
    row = first(history)
    assert row["state"] == "continuing"
    assert row["last_at"] < history["ds"].max() - (unknown - 1) * DAY


def test_usual_level_that_returns_later_is_back_to_normal():
    found = detect_shifts(counts(1.8, days=260, stop=170))
    up = found[found["direction"] == "up"]
    assert up["state"].tolist() == ["back to normal"]
    assert (found["direction"] == "down").sum() == 0


def test_more_than_two_days_after_the_end_is_another_alert():
    history = counts(1.0)
    for day, times in ((120, 5), (122, 5), (130, 5)):
        history.loc[day, "value"] *= times
    found = detect_shifts(history).sort_values("started_at")
    days = (found["started_at"] - history["ds"].min()).dt.days.tolist()
    assert days == [120, 130]
    alerts = build_alerts(found)
    assert alerts["alert_id"].nunique() == 2


@pytest.mark.slow
def test_states_and_news_of_an_alert_from_day_to_day():
    history, ledger, said = counts(1.8, days=220, stop=None), None, []
    for end in range(119, 165):
        day = history["ds"].min() + end * DAY
        ledger = update_alerts(ledger, build_alerts(detect_shifts(history[:end])), day)
        about = ledger[ledger["direction"] == "up"]
        said += [(row.state, row.news) for row in about.itertuples()]
    states = list(dict.fromkeys(state for state, _ in said))
    assert states == ["new", "continuing", "become usual"]
    news = [word for _, word in said if word not in ("", "updated")]
    assert news == ["opened", "usual"]
    muted = ledger.assign(silenced_until=pd.Timestamp("2025-01-01"))
    again = update_alerts(muted, build_alerts(detect_shifts(history[:130])), "2024-06-14")
    assert set(again.loc[again["direction"] == "up", "state"]) == {"silenced"}


def test_a_cause_once_found_stays():
    alert = build_alerts(detect_shifts(counts(1.8, days=130)))
    ledger = update_alerts(None, alert.assign(causes="Ana has not worked since 1 May (20% before)"), "2024-05-10")
    later = update_alerts(ledger, alert.assign(causes="form v2 is new since 2 May (9%)"), "2024-05-11")
    assert later["causes"].iloc[0] == "Ana has not worked since 1 May (20% before); form v2 is new since 2 May (9%)"
    assert update_alerts(later, alert, "2024-05-12")["causes"].iloc[0] == later["causes"].iloc[0]
    assert join_causes("", "") == ""


def test_the_strongest_member_gives_name_figures_and_dates():
    day = pd.Timestamp("2024-05-01")
    rows = [("all", 3.0, 80.0, 95.0, 0), ("channel web", 9.0, 10.0, 30.0, 1), ("product TV", 4.0, 20.0, 26.0, 2)]
    frame = pd.DataFrame(rows, columns=["series", "z", "before", "after", "late"])
    frame = frame.assign(kpi="cases_opened", direction="up", kind="level_shift", state="continuing", resolved=False)
    at = day + pd.to_timedelta(frame["late"], unit="D")
    frame = frame.assign(
        started_at=at, changed_at=at, detected_at=at + 2 * DAY, last_at=at + 9 * DAY, n=9.0, impact=5.0
    )
    row = build_alerts(frame).iloc[0]
    assert (row["series"], row["before"], row["after"], row["z"]) == ("channel web", 10.0, 30.0, 9.0)
    assert (row["started_at"], row["detected_at"], row["last_at"]) == (day + DAY, day + 3 * DAY, day + 10 * DAY)
    told = build_alerts(frame, subjects={0: ("cases_opened", "all", "up")}).iloc[0]
    assert (told["series"], told["after"], told["started_at"]) == ("all", 95.0, day)  # reported before: it stays


@pytest.mark.parametrize("wait", [1, 2])
@pytest.mark.parametrize("back", [52.0, 65.0])
def test_a_stock_that_goes_back_after_a_sudden_rise_is_no_change_of_its_own(wait, back):
    noise = np.random.default_rng(3).normal(0, 3, 150)
    value = np.round(50 + noise)
    value[120 : 120 + wait] = 100.0
    value[120 + wait :] = np.round(back + noise[120 + wait :])
    days = pd.date_range("2025-01-06", periods=150)
    found = detect_shifts(pd.DataFrame({"kpi": "backlog", "ds": days, "value": value}))
    assert found.loc[found["started_at"] >= days[118], ["direction"]].to_numpy().tolist() == [["up"]]
    value[120 + wait :] = np.round(5 + noise[120 + wait :] / 3)  # far below where it was
    gone = detect_shifts(pd.DataFrame({"kpi": "backlog", "ds": days, "value": value}))
    assert "down" in set(gone["direction"])


def topped(raised, top, after, seed, n=40):
    """Return a daily share of 0.12 that moves to ``raised`` on day 100, to ``top`` on 150, and to ``after`` on 160."""
    rng = np.random.default_rng(seed)
    chance = np.full(230, 0.12)
    chance[100:], chance[150:160], chance[160:] = raised, top, after
    hits = rng.binomial(n, chance).astype(float)
    days = pd.date_range("2024-01-01", periods=230, unit="us")
    frame = {"kpi": "repeat_contact_rate", "ds": days, "value": hits / n, "n": float(n), "numerator": hits}
    return pd.DataFrame(frame)


def burst(history):
    found = detect_shifts(history)
    return found[(found["direction"] == "up") & found["started_at"].between("2024-05-28", "2024-06-02")].iloc[0]


@pytest.mark.parametrize("n", [15, 25, 40])
@pytest.mark.parametrize("seed", range(1, 3))
def test_a_burst_on_a_level_that_has_stayed_is_never_called_over(seed, n):
    row = burst(topped(0.3, 0.65, 0.3, seed, n))
    assert row["state"] in ("become usual", "back to changed level")
    assert not row["resolved"]


@pytest.mark.parametrize("seed", range(3))
def test_a_burst_after_which_all_is_as_before_is_back_to_normal(seed):
    row = burst(topped(0.3, 0.65, 0.12, seed))
    assert row["state"] == "back to normal"
    assert row["resolved"]


@pytest.mark.parametrize("times", [4, 6])
def test_a_day_on_a_level_that_has_stayed_ends_at_that_level(times):
    history = counts(1.5, days=190)
    history.loc[165, "value"] *= times
    found = detect_shifts(history).set_index("kind")["state"].to_dict()
    assert found == {"level_shift": "become usual", "spike": "back to changed level"}


@pytest.mark.parametrize("n", [15, 40])
def test_a_rate_that_has_stayed_at_less_than_was_seen_first_is_seldom_called_over(n):
    """Of few cases a change is found on the days on which it is largest; the leaver's effect goes on all the same."""
    endings = {0.12: [], 0.2: []}
    for after, told in endings.items():
        for seed in range(12):
            chance = np.r_[np.full(120, 0.12), np.full(10, 0.31), np.full(70, after)]
            hits = np.random.default_rng(seed).binomial(n, chance).astype(float)
            days = pd.date_range("2024-01-01", periods=200)
            frame = pd.DataFrame({"kpi": "reopen_rate", "ds": days, "value": hits / n, "n": float(n)})
            part = watch_kpi(frame, "D", (), {})
            told.append(settle(part, 0, Detection("level_shift", 1, 120, 125, 125, 4.0, alarms=[125])).ending)
    over = {after: told.count("back") for after, told in endings.items()}
    assert over[0.2] <= 4, over
    assert over[0.12] >= 10, over
