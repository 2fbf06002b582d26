"""Columns that are known ahead: read, measured, used where they help, and said."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting import backtest, forecast, forecast_hierarchy, sample_paths
from deskcast.forecasting.methods.regressor_effects import fit_regressors
from hypothesis import given, settings
from hypothesis import strategies as st

DAYS = pd.date_range("2024-01-01", periods=238)
WEEK = np.array([1.2, 1.1, 1.0, 1.0, 0.9, 0.5, 0.3])


def desk(effect=0.4, seed=1, names=("phone",)):
    """Return a history of 210 days, campaigns of 238, and what comes in the 28 days after the history."""
    rng = np.random.default_rng(seed)
    mail = (rng.random(len(DAYS)) < 0.12).astype(float)
    mail[[212, 220, 229]] = 1.0
    mean = 120 * WEEK[np.arange(len(DAYS)) % 7] * np.exp(rng.normal(0, 0.04, len(DAYS))) * (1 + effect * mail)
    rows = [pd.DataFrame({"unique_id": n, "ds": DAYS, "y": rng.poisson(mean).astype(float)}) for n in names]
    every = pd.concat(rows, ignore_index=True)
    known = pd.DataFrame({"ds": DAYS, "mail": mail, "dice": rng.normal(size=len(DAYS))})
    return every[every["ds"] < DAYS[210]], known, every[every["ds"] >= DAYS[210]]


def error(ahead, truth):
    both = ahead.merge(truth, on=["unique_id", "ds"])
    return float((both["y"] - both["deskcast"]).abs().sum() / both["y"].sum())


def test_a_campaign_is_used_and_said_and_a_column_of_dice_is_not():
    history, known, truth = desk()
    plain, with_mail = forecast(history, 28, "D"), forecast(history, 28, "D", regressors=known)
    mail, dice = with_mail.attrs["regressors"]
    assert (mail["used"], dice["used"]) == (True, False)
    assert mail["effect_low"] < 0.4 < mail["effect_high"]
    assert error(with_mail, truth) < 0.75 * error(plain, truth)
    assert any("regressor 'mail' from 0 to 1" in note for note in with_mail.attrs["notes"])
    assert any("regressor 'dice' is not used" in note for note in with_mail.attrs["notes"])


@settings(max_examples=12)
@given(st.integers(0, 10_000))
def test_columns_of_chance_are_hardly_ever_used(seed):
    rng = np.random.default_rng(seed)
    rest = 1 + rng.normal(0, 0.1, (3, 300))
    found = fit_regressors(rest, np.ones((3, 300)), rng.normal(size=(1, 328, 2)))
    assert np.abs(found.offset).max() < 0.1
    assert np.array_equal(found.used.any(), np.abs(found.offset).max() > 0)


def test_unused_columns_leave_the_forecast_as_it_was():
    history, known, _ = desk()
    plain = forecast(history, 28, "D")
    same = forecast(history, 28, "D", regressors=known[["ds", "dice"]])
    pd.testing.assert_frame_equal(plain, same)


def test_what_comes_after_an_origin_teaches_nothing():
    history, known, _ = desk()
    folds = backtest(history, 14, "D", windows=2, regressors=known)
    cut = folds["cutoff"].min()
    later = history.assign(y=history["y"].where(history["ds"] <= cut, 7.0))
    again = backtest(later, 14, "D", windows=2, regressors=known)
    first, second = (f[f["cutoff"] == cut]["deskcast"].to_numpy() for f in (folds, again))
    np.testing.assert_array_equal(first, second)


def test_half_hours_take_a_value_for_each_day():
    history, known, truth = desk(0.5)
    share = np.array([0.1, 0.3, 0.4, 0.2])
    clock = pd.to_timedelta([9, 11, 13, 15], unit="h")

    def split(rows):
        parts = zip(clock, share, strict=True)
        each = [rows.assign(ds=rows["ds"] + at, y=(rows["y"] * part).round()) for at, part in parts]
        grid = pd.date_range(rows["ds"].min(), rows["ds"].max() + pd.Timedelta("23h"), freq="h")
        return pd.concat(each).set_index("ds")["y"].reindex(grid, fill_value=0.0).rename_axis("ds").reset_index()

    past, coming = (split(rows).assign(unique_id="phone") for rows in (history, truth))
    ahead = forecast(past, 28 * 24, "h", regressors=known)
    assert ahead.attrs["regressors"][0]["used"]
    assert error(ahead, coming) < 0.8 * error(forecast(past, 28 * 24, "h"), coming)


def test_series_may_have_columns_of_their_own_and_sums_add_up():
    history, known, _ = desk(names=("chat", "phone"))
    own = pd.concat([known.assign(unique_id="chat", mail=0.0), known.assign(unique_id="phone")])
    ahead = forecast(history, 28, "D", regressors=own)
    mail = known.set_index("ds")["mail"].reindex(DAYS[210:]).to_numpy() > 0
    plain = forecast(history, 28, "D")
    lift = (ahead["deskcast"] / plain["deskcast"]).groupby(ahead["unique_id"]).agg(list)
    assert np.mean(np.array(lift["phone"])[mail]) > 1.2
    for rules in (own, known):
        nodes = forecast_hierarchy(history, 28, "D", by=["channel"], regressors=rules)
        total = nodes[nodes["level"] == "total"]["deskcast"].sum()
        assert total == pytest.approx(nodes[nodes["level"] == "channel"]["deskcast"].sum())
    paths = sample_paths(history, 7, "D", n=50, regressors=known)
    assert paths["y"].notna().all()


BAD = {
    "ends early": (lambda k: k[k["ds"] < DAYS[215]], "no value for the time ahead", "mail"),
    "text": (lambda k: k.assign(mail="yes"), "not a valid number", "mail"),
    "no ds": (lambda k: k.rename(columns={"ds": "day"}), "missing column", "ds"),
    "only ds": (lambda k: k[["ds"]], "no usable number of columns", None),
    "twice": (lambda k: pd.concat([k, k.tail(1)]), "duplicate time stamp", "ds"),
    "no time": (lambda k: k.assign(ds="soon"), "not a valid local time", "ds"),
    "a zone": (lambda k: k.assign(ds=k["ds"].dt.tz_localize("UTC")), "not a valid local time", "ds"),
    "day first": (lambda k: k.assign(ds=k["ds"].dt.strftime("%d/%m/%Y")), "not a valid local time", "ds"),
    "between": (lambda k: k.assign(ds=k["ds"] + pd.Timedelta("3h")), "not the start of a time step", "ds"),
    "strangers": (lambda k: k.assign(unique_id="fax"), "unknown series", "unique_id"),
    "infinite": (lambda k: k.assign(mail=np.inf), "not a valid number", "mail"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_named(case):
    spoil, problem, column = BAD[case]
    history, known, _ = desk()
    with pytest.raises(InputError, match=problem) as error:
        forecast(history, 28, "D", regressors=spoil(known))
    assert error.value.column == column


def test_other_kinds_than_counts_are_refused():
    history, known, _ = desk()
    with pytest.raises(InputError, match="regressors are used for counts only"):
        forecast(history.assign(y=0.5), 28, "D", kind="rate", regressors=known)


def test_a_past_day_without_a_value_teaches_nothing():
    history, known, _ = desk()
    holes = known.assign(mail=known["mail"].where(np.arange(len(known)) % 9 != 0))
    holes.loc[holes["ds"] >= DAYS[210], "mail"] = known["mail"]
    ahead = forecast(history, 28, "D", regressors=holes)
    assert ahead.attrs["regressors"][0]["used"]
    assert ahead["deskcast"].notna().all()
