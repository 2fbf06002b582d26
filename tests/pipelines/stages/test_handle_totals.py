"""Handle time by interval and weekday from single contacts, with how much days differ; the same as from a report."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.forecasting.staffing.handle_times import estimate_handle_time_spread, estimate_handle_times
from deskcast.pipelines.project.specs import StaffingSpec
from deskcast.pipelines.stages.queue import describe_aht, read_handle_totals, slot_handle_times
from hypothesis import given, settings
from hypothesis import strategies as st

ZONE = "Europe/Lisbon"
SPEC = StaffingSpec(interval_s=3600)


def contacts(spread, seed, zone=ZONE, days=56, each=60):
    """Return contacts at 9 and 15 o'clock; the afternoon takes longer, and Mondays longer still."""
    rng = np.random.default_rng(seed)
    day = pd.date_range("2024-02-05", periods=days)
    rows = pd.DataFrame({"day": np.repeat(day, 2 * each), "hour": np.tile(np.repeat([9, 15], each), days)})
    factor = np.repeat(rng.lognormal(-(spread**2) / 2, spread, days), 2 * each)
    usual = 200.0 + 100.0 * (rows["hour"] == 15) + 60.0 * (rows["day"].dt.day_of_week == 0)
    came = rows["day"] + pd.to_timedelta(rows["hour"] * 3600 + rng.uniform(0, 3599, len(rows)).round(), unit="s")
    queued = came.dt.tz_localize(zone).dt.tz_convert("UTC")
    seconds = (rng.exponential(usual * factor)).round(1)
    out = pd.DataFrame({"contact_id": [str(i) for i in range(len(rows))], "queued_at": queued, "answered_at": queued})
    return out.assign(ended_at=queued + pd.to_timedelta(seconds, unit="s"), channel="phone")


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 99), st.sampled_from([0.12, 0.2]), st.sampled_from([ZONE, "Asia/Kolkata", "UTC"]))
def test_single_contacts_tell_interval_weekday_and_spread(seed, spread, zone):
    log = CaseLog.from_frames(timezone=zone, contacts=contacts(spread, seed, zone))
    read = read_handle_totals(log, {"channel": "phone"}, SPEC)
    assert set(read.totals["ds"].dt.hour) == {9, 15}
    ahead = pd.Series(pd.to_datetime(["2024-04-09 09:00", "2024-04-09 15:00", "2024-04-08 15:00"]))
    early, late, monday = slot_handle_times(read, ahead, 1.0)
    assert early < late < monday
    assert late - early == pytest.approx(100, abs=35)
    found = estimate_handle_time_spread(read.totals)
    assert 0.5 * spread < found < 1.6 * spread
    said = describe_aht(read, SPEC, "phone")[1]
    assert "by interval and weekday; days differ by" in said


def test_single_contacts_and_a_report_of_them_agree():
    each = contacts(0.1, 5, "UTC")
    whole = read_handle_totals(CaseLog.from_frames(contacts=each), {}, SPEC).totals
    each["ds"] = each["queued_at"].dt.floor("h")
    each["handle_s"] = (each["ended_at"] - each["answered_at"]).dt.total_seconds()
    report = each.groupby("ds", as_index=False).agg(y=("handle_s", "size"), handle_s=("handle_s", "sum"))
    report["answered"] = report["y"].astype(float)
    other = read_handle_totals(CaseLog.from_frames(volumes=report.assign(unique_id="phone", slot_s=3600.0)), {}, SPEC)
    assert other.from_report
    slots = pd.Series(pd.date_range("2024-04-08", periods=48, freq="h"))
    assert estimate_handle_times(other.totals, slots) == pytest.approx(estimate_handle_times(whole, slots), rel=1e-3)


def test_what_is_configured_or_cannot_be_told_has_no_totals():
    few = CaseLog.from_frames(contacts=contacts(0.1, 1).head(20))
    assert read_handle_totals(few, {}, SPEC) is None
    assert slot_handle_times(None, pd.Series(pd.to_datetime(["2024-04-09 09:00"])), 90.0) == 90.0
    with pytest.raises(InputError, match="missing AHT"):
        describe_aht(None, SPEC, "phone")
    many = CaseLog.from_frames(contacts=contacts(0.1, 1))
    assert read_handle_totals(many, {}, StaffingSpec(aht_s=120.0)) is None
