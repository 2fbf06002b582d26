"""A combination of segments is reported where a change stands out more in it than in the segments that hold it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.models.shifts.detect import detect_shifts
from deskcast.pipelines.stages.watch_drivers import ChangeExplanation
from deskcast.pipelines.stages.watch_segments import refine_segments

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
