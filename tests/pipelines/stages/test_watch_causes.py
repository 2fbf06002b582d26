"""A cause is told where it can have led to what is shown; the change is dated by it in alert and detection alike."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.models.shifts.detect import detect_watched_shifts, watch_history
from deskcast.models.shifts.ledger import alert_ids, build_alerts
from deskcast.pipelines.stages import watch_causes
from deskcast.pipelines.stages.watch_drivers import Causes

DAYS = pd.date_range("2025-01-06", periods=150)
LOG = SimpleNamespace(has=lambda *names: True)


def told(monkeypatch, last_work, rates, kpi="escalation_rate"):
    """Return the alert and its detection where an owner of the account stopped working at some time."""
    rates = np.concatenate([np.full(150 - len(rates), 0.10), rates])
    hits = np.random.default_rng(2).binomial(40, rates)
    frame = pd.DataFrame({"kpi": kpi, "segment": "account A2", "ds": DAYS, "value": hits / 40, "n": 40.0})
    parts = watch_history(frame.assign(numerator=hits))
    found = detect_watched_shifts(parts)
    found = found[found["direction"] == "up"].reset_index(drop=True)
    groups = pd.Series(0, index=found.index)
    alerts, found = build_alerts(found, groups=groups), found.assign(alert_id=alert_ids(found, groups))

    def causes(segment, start, kpi):
        return Causes("") if kpi == "cases_opened" else Causes("Ana has not worked since", last_work)

    monkeypatch.setattr(watch_causes, "build_explainer", lambda *args: SimpleNamespace(causes=causes))
    out, rows = watch_causes.add_causes(LOG, alerts, found, ["account"], parts)
    return out.iloc[0], rows[rows["alert_id"] == out["alert_id"].iloc[0]].iloc[0]


@pytest.mark.parametrize(("days", "named"), [(-60, False), (-10, True), (0, True), (2, True), (9, False), (15, False)])
def test_a_cause_fits_the_date_of_what_is_shown(monkeypatch, days, named):
    alert, row = told(monkeypatch, DAYS[130] + pd.Timedelta(days=days, hours=17), [0.40] * 20)
    assert (alert["causes"] != "") == named
    assert abs((alert["started_at"] - DAYS[130]).days) <= 1  # clear values date themselves
    assert (alert["before"], alert["after"], alert["n"]) == (row["before"], row["after"], row["n"])
    assert alert["changed_at"] == alert["started_at"] == row["changed_at"]


def test_days_that_leave_the_start_open_are_decided_by_the_cause(monkeypatch):
    rates = [0.20] * 2 + [0.30] * 20
    alone, _ = told(monkeypatch, DAYS[60], rates)
    alert, row = told(monkeypatch, DAYS[129] + pd.Timedelta(hours=17), rates)
    assert alone["started_at"] < DAYS[129] <= alert["started_at"] <= DAYS[131]
    assert alert["causes"].startswith("Ana")
    assert alert["after"] == row["after"] > alone["after"]
    assert alert["impact"] == round(row["impact"])
