"""What goes on is never called over, and what is back has not become usual."""

from types import SimpleNamespace

import pandas as pd
import pytest
from deskcast.models.shifts.ledger import build_alerts
from deskcast.pipelines.words.contradictions import undeclared_numbers
from deskcast.pipelines.words.incidents import alert_sentence
from deskcast.pipelines.words.words import format_kpi

DAY = pd.Timedelta(days=1)


@pytest.mark.parametrize("lead", ["spike", "level_shift"])
def test_what_is_back_has_not_become_usual_though_its_backlog_has(lead):
    """An outage of a day leaves a backlog for weeks: the alert goes on, but its headline does not."""
    day = pd.Timestamp("2025-11-11")
    rows = [
        ("cases_opened", "product Internet", lead, 9.0, "back to normal"),
        ("backlog", "all", "level_shift", 8.0, ""),
    ]
    names = ["kpi", "series", "kind", "z", "state"]
    frame = pd.DataFrame(rows, columns=names).assign(direction="up", started_at=day, changed_at=day, detected_at=day)
    frame = frame.assign(last_at=day + DAY, before=30.0, after=120.0, n=90.0, impact=90.0, drivers="", resolved=False)
    told = {}
    for other in ("continuing", "become usual", "back to normal"):
        row = build_alerts(frame.assign(state=["back to normal", other]), groups=pd.Series([0, 0])).iloc[0]
        news = {"continuing": "updated", "become usual": "usual", "back to normal": "resolved"}[other]
        extra = {"news": news, "acknowledged_by": "", "note": ""}
        told[other] = str(alert_sentence(SimpleNamespace(**(row.to_dict() | extra)), day + 40 * DAY))
    assert told["continuing"].startswith("Changed: ")
    assert told["become usual"].startswith("Changed: ")
    assert "Still changed: Backlog" in told["continuing"]
    assert "Still changed: Backlog" in told["become usual"]
    assert "stayed at" not in told["become usual"]
    assert told["back to normal"].startswith("Back to normal: ")


def test_the_reported_kpi_that_is_still_away_is_said_so_and_not_named_twice():
    day = pd.Timestamp("2025-09-02")
    rows = [("sla_attainment", "account A7", "spike", -6.0, "back to normal")]
    rows += [("sla_attainment", name, "level_shift", -4.0, "continuing") for name in ("account A7", "region Ireland")]
    frame = pd.DataFrame(rows, columns=["kpi", "series", "kind", "z", "state"]).assign(direction="down", resolved=False)
    frame = frame.assign(started_at=day, changed_at=day, detected_at=day, last_at=day + DAY, drivers="")
    frame = frame.assign(before=0.9, after=0.5, n=40.0, impact=-16.0)
    row = build_alerts(frame, groups=pd.Series([0, 0, 0])).iloc[0].to_dict()
    words = str(alert_sentence(SimpleNamespace(**(row | {"news": "updated", "acknowledged_by": "", "note": ""})), day))
    assert "It is still down. Still changed: SLA attainment (region Ireland)." in words


@pytest.mark.parametrize("kind", ["level_shift", "spike"])
@pytest.mark.parametrize("noun", ["case", "arrival"])
@pytest.mark.parametrize("kpi", ["cases_opened", "contacts_offered", "backlog", "service_level", "csat", "handle_time"])
def test_what_is_counted_is_named_as_the_log_holds_it_and_by_the_day(kpi, noun, kind):
    day = pd.Timestamp("2025-09-01")
    frame = pd.DataFrame({"kpi": [kpi], "series": "all", "kind": kind, "z": 5.0, "state": "become usual"})
    frame = frame.assign(direction="up", started_at=day, changed_at=day, detected_at=day, last_at=day + 9 * DAY)
    frame = frame.assign(before=0.38, after=0.93, n=90.0, impact=50.0, drivers="", resolved=False)
    row = build_alerts(frame).iloc[0].to_dict() | {"news": "usual", "acknowledged_by": "", "note": ""}
    words = alert_sentence(SimpleNamespace(**row), day, "D", noun)
    name = {"case": "Cases opened", "arrival": "Arrivals"}[noun] if kpi == "cases_opened" else format_kpi(kpi)
    assert words.startswith(f"Become usual: {name} up ")
    counted = "contacts" if kpi in ("contacts_offered", "service_level") else f"{noun}s"
    share = kpi in ("service_level", "csat")
    assert f"50 {counted} affected" * share in words
    if kpi in ("cases_opened", "contacts_offered", "backlog"):
        assert f"50 more {counted} in total" in words
    by_day = kpi in ("cases_opened", "contacts_offered") and kind == "level_shift"
    assert ("0.9 a day, expected 0.4;" in words) == by_day
    assert ("It has stayed at 0.9 a day." in words) == by_day
    assert " a day" not in alert_sentence(SimpleNamespace(**row), day, "2h", noun)
    assert undeclared_numbers(words, words.facts, words.names) == []
