"""A combination of segments is reported where a change stands out more in it than in the segments that hold it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.models.shifts.confirm import detection_in
from deskcast.models.shifts.detect import detect_shifts
from deskcast.models.shifts.watched import watch_kpi
from deskcast.pipelines.stages.watch_drivers import ChangeExplanation
from deskcast.pipelines.stages.watch_segments import Refined, Worth, add_volume_of_waiting, refine_segments

DAYS = pd.date_range("2025-01-06", periods=150)
AFTER = np.arange(150) >= 130


def daily(series, before, after):
    values = np.random.default_rng(len(series)).poisson(np.where(AFTER, after, before)).astype("float64")
    return pd.DataFrame({"kpi": "cases_opened", "segment": series, "ds": DAYS, "value": values, "n": values})


@pytest.mark.parametrize("before", [6, 24])
def test_a_combination_is_told_where_the_change_is_its_own(before):
    wide = daily("account A2", 40, 60)
    found = detect_shifts(wide)
    assert len(found) == 1
    segment = {"region": "Portugal", "account": "A2"}
    after = {6: 26, 24: 36}[before]  # all of the change, or no more than its share of it
    ask = SimpleNamespace(
        by=("region", "account"), daily=lambda kpi, segment: daily("region Portugal, account A2", before, after)
    )
    found["series"] = "account A2"
    moved = {found.index[0]: ChangeExplanation(segment, found.head(0), "region Portugal, account A2 (100%)")}
    names = refine_segments(found, moved, ask, (), ()).detections["series"].tolist()
    assert names == ["account A2", *(["region Portugal, account A2"] if before == 6 else [])]
    known = [f"cases_opened|region Portugal, account A2|up|{found['started_at'].iloc[0]:%Y-%m-%d %H:%M}"]
    known = [f"{known[0]}|{found['detected_at'].iloc[0]:%Y-%m-%d %H:%M}"]
    kept = refine_segments(found, moved, ask, known, ()).detections["series"].tolist()
    assert kept == ["account A2", "region Portugal, account A2"]  # what was reported before is found again


def waiting(kpi="backlog", series="region Portugal", direction="up"):
    """Return the detection of what has waited longer since the change, found three days later."""
    days = {"started_at": DAYS[130], "changed_at": DAYS[130], "detected_at": DAYS[133], "last_at": DAYS[149]}
    row = {"kpi": kpi, "series": series, "kind": "level_shift", "direction": direction, "state": "continuing", **days}
    return pd.DataFrame([row | {"before": 15.0, "after": 60.0, "n": 60.0, "z": 4.0, "drivers": "", "impact": 45.0}])


def behind(found, after=13, segment=None, kpis=("cases_opened", "backlog")):
    """Return what is added where this many cases a day came in the combination, for six before."""
    segment = segment or {"product": "Mobile", "region": "Portugal"}
    name = ", ".join(f"{column} {value}" for column, value in segment.items())
    why = ChangeExplanation(segment, found.head(0), f"{name} (100%)")
    ask = SimpleNamespace(by=("product", "region"), why=lambda row: why, daily=lambda kpi, part: daily(name, 6, after))
    refined = Refined(found, {found.index[0]: ChangeExplanation({}, found.head(0), "")}, ())
    return add_volume_of_waiting(refined, ask, Worth(kpis, 5.0, 0.1), ())


@pytest.mark.parametrize(
    ("kpi", "direction"), [("backlog", "up"), ("sla_attainment", "down"), ("resolution_time", "up")]
)
def test_a_longer_wait_asks_what_came_in_where_nobody_watches(kpi, direction):
    found = waiting(kpi, direction=direction)
    more = behind(found).detections.iloc[1:]
    row = more.iloc[0]
    assert more[["kpi", "series", "direction", "kind"]].values.tolist() == [
        ["cases_opened", "product Mobile, region Portugal", "up", "level_shift"]
    ]
    assert abs((row["changed_at"] - DAYS[130]).days) <= 2
    assert row["detected_at"] >= DAYS[133]  # nobody knew of it before the wait was noticed
    assert row["after"] == pytest.approx(daily("product Mobile, region Portugal", 6, 13)["value"][130:].mean(), rel=0.1)
    assert behind(found).moved[more.index[0]].segment == {"product": "Mobile", "region": "Portugal"}


def test_a_wait_with_nothing_behind_it_adds_nothing():
    assert len(behind(waiting(), after=6).detections) == 1  # as many as before
    assert len(behind(waiting(), segment={"region": "Portugal"}).detections) == 1  # that one is watched
    assert len(behind(waiting(), kpis=("backlog",)).detections) == 1  # the configuration watches no volume
    assert len(behind(waiting(direction="down")).detections) == 1  # less waits
    assert len(behind(waiting("csat")).detections) == 1
    once = behind(waiting())
    assert len(add_volume_of_waiting(once, None, Worth(("cases_opened",), 5.0, 0.1), ()).detections) == 2


@pytest.mark.parametrize("weak", [1.0, 1.3])
def test_a_combination_that_had_strayed_a_little_is_found_by_the_days_of_the_segment_that_moved(weak):
    mean = 5 * np.where(AFTER, 2.5, np.where(np.arange(150) >= 95, weak, 1.0))
    value = np.random.default_rng(5).poisson(mean).astype("float64")
    frame = pd.DataFrame({"kpi": "cases_opened", "segment": "both", "ds": DAYS, "value": value, "n": value})
    row = SimpleNamespace(kind="level_shift", direction="up", started_at=DAYS[131], detected_at=DAYS[140])
    told = detection_in(watch_kpi(frame, "D", (), {}), "both", row)
    assert told is not None
    assert abs((told["changed_at"] - DAYS[130]).days) <= 3
    assert told["after"] > 1.7 * told["before"]
    quiet = frame.assign(value=np.random.default_rng(6).poisson(5, 150).astype("float64"))
    assert detection_in(watch_kpi(quiet.assign(n=quiet["value"]), "D", (), {}), "both", row) is None
