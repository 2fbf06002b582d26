"""Every KPI of the catalogue against slow loops: each measure of each segment and period."""

import sys
from pathlib import Path

import numpy as np
import pytest
from deskcast.features.catalogue import CATALOGUE, lacks
from deskcast.features.definitions import entry_of
from deskcast.features.engine import CaseLog
from deskcast.features.formulas import FORMULAS
from deskcast.features.kpis import kpi_history

sys.path.insert(0, str(Path(__file__).parents[1] / "oracles"))
from full_logs import OFFICE, full_log, slow_milestones
from kpi_loops import slow_kpis
from kpi_twin import MEASURES, SlowDesk

#: Rows of these may be of fewer segments than there are cases: a segment without a turn has no history of turns.
OWN_SEGMENTS = ("response_time",)


def compare(frames, log, freq, by, milestones=None):
    """Compare all KPIs that the log can give, and return their names."""
    twins = slow_kpis(SlowDesk(frames, log.until, log.timezone, freq, by, dict(log.calendars)), milestones)
    twins = {kpi: twin for kpi, twin in twins.items() if not lacks(log, kpi) and splits(kpi, by)}
    history = kpi_history(log, list(twins), by=by or (), freq=freq)
    for kpi, twin in twins.items():
        expected = twin()
        mine = history[history["kpi"] == kpi]
        keys = list(zip(mine[by] if by else ["all"] * len(mine), mine["ds"], strict=True))
        assert set(keys) == set(expected) or kpi in OWN_SEGMENTS, kpi
        assert set(keys) >= set(expected), kpi
        for name in MEASURES:
            told = [expected[key][name] if key in expected else np.nan for key in keys]
            found = mine[name].where([key in expected for key in keys])
            np.testing.assert_allclose(found, told, rtol=1e-9, atol=1e-6, err_msg=f"{kpi} {name}")
    return set(twins)


def splits(kpi, by):
    table = FORMULAS[entry_of(kpi).name][1]
    own = {"agent_time": ("team",)}
    return by is None or (table != "" and by in own.get(table, (by,)))


@pytest.mark.parametrize(
    ("seed", "freq", "by", "timezone"),
    [
        (1, "D", None, "Europe/Lisbon"),
        (2, "W", "channel", "America/New_York"),
        (3, "MS", "team", "Asia/Kolkata"),
        (4, "QS", "priority", "Australia/Lord_Howe"),
        (5, "6MS", None, "UTC"),
        (6, "360min", None, "Europe/Lisbon"),
    ],
)
def test_every_kpi_agrees_with_loops_on_the_small_desk(seed, freq, by, timezone):
    frames = full_log(seed, 30, 40 if freq not in ("QS", "6MS") else 400)
    log = CaseLog.from_frames(**frames, timezone=timezone, calendars={"office": OFFICE})
    done = compare(frames, log, freq, by, slow_milestones(frames, log.until, {}))
    wanted = {kpi for kpi in CATALOGUE if splits(kpi, by)}
    assert wanted <= done
