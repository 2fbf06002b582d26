"""Agents' time cut at the bounds of periods: each second counts once, whatever the clock does."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.kpis.kpi_history import kpi_history
from hypothesis import given, settings
from hypothesis import strategies as st

#: Zones with the UTC day on which each clock goes back, and on which it goes forward.
CHANGES = {
    "Europe/Lisbon": ("2024-10-27", "2024-03-31"),
    "America/New_York": ("2024-11-03", "2024-03-10"),
    "Australia/Lord_Howe": ("2024-04-06", "2024-10-05"),
    "UTC": ("2024-10-27", "2024-03-31"),
}


def handling(log: CaseLog, freq: str) -> pd.Series:
    """Return the seconds of handling by period."""
    return kpi_history(log, "occupancy", freq=freq).set_index("ds")["numerator"]


def log_of(stretches: list[tuple[pd.Timestamp, pd.Timestamp]], zone: str, until: pd.Timestamp) -> CaseLog:
    rows = [{"agent_id": f"a{i}", "start": a, "end": b, "state": "handling"} for i, (a, b) in enumerate(stretches)]
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [until - pd.Timedelta(days=1)]})
    return CaseLog.from_frames(cases=cases, agent_time=pd.DataFrame(rows), timezone=zone, until=until)


@pytest.mark.parametrize("freq", ["5min", "15min", "30min", "h", "D"])
def test_the_repeated_hour_is_counted_once_a_pass(freq):
    start, end = pd.Timestamp("2024-10-27T00:00Z"), pd.Timestamp("2024-10-27T03:00Z")  # 01:00 comes twice in Lisbon
    told = handling(log_of([(start, end)], "Europe/Lisbon", end + pd.Timedelta("2D")), freq)
    assert told.sum() == 3 * 3600
    if freq == "30min":
        assert told.loc["2024-10-27 01:00":"2024-10-27 02:30"].tolist() == [3600, 3600, 1800, 1800]


@settings(max_examples=25, deadline=None)
@given(
    zone=st.sampled_from(sorted(CHANGES)),
    back=st.booleans(),
    freq=st.sampled_from(["5min", "20min", "30min", "h", "120min", "D"]),
    spans=st.lists(st.tuples(st.integers(-86400, 2 * 86400), st.integers(1, 50_000)), min_size=1, max_size=5),
)
def test_seconds_by_period_are_those_of_a_walk_by_the_clock(zone, back, freq, spans):
    day = pd.Timestamp(CHANGES[zone][0 if back else 1], tz="UTC")
    stretches = [
        (day + pd.Timedelta(seconds=60 * (a // 60)), day + pd.Timedelta(seconds=60 * (a // 60) + b)) for a, b in spans
    ]
    told = handling(log_of(stretches, zone, day + pd.Timedelta(days=5)), freq)
    walked: dict[pd.Timestamp, float] = {}
    for start, end in stretches:
        minutes = pd.date_range(start, end, freq="min", inclusive="left")
        local = minutes.tz_convert(zone).tz_localize(None)
        slot = local.floor({"D": "D", "h": "h"}.get(freq, freq))
        for at, ds in zip(minutes, slot, strict=True):
            walked[ds] = walked.get(ds, 0.0) + min(60.0, (end - at).total_seconds())
    for ds, seconds in walked.items():
        np.testing.assert_allclose(told[ds], seconds, atol=1e-6)
    np.testing.assert_allclose(told.sum(), sum(walked.values()), atol=1e-6)
