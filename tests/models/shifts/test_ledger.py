"""The ledger of incidents: stable ids, news told once, groups of related segments, and what people said stays."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.shifts.detect import detect_shifts
from deskcast.models.shifts.grouping import group_detections, is_related
from deskcast.models.shifts.ledger import (
    LEDGER_COLUMNS,
    KnownSpan,
    acknowledge_alert,
    build_alerts,
    mute_alert,
    update_alerts,
)


def desk(days=140, seed=0):
    """A total and two of its channels; from day 100 to 120 the web doubles."""
    rng = np.random.default_rng(seed)
    web, phone = rng.poisson(60, days).astype(float), rng.poisson(40, days).astype(float)
    web[100:120] += 60
    stamps = pd.date_range("2024-01-01", periods=days, unit="us")
    parts = {"all": web + phone, "channel web": web, "channel phone": phone}
    frames = [pd.DataFrame({"kpi": "cases_opened", "segment": k, "ds": stamps, "value": v}) for k, v in parts.items()]
    return pd.concat(frames, ignore_index=True)


def run(history, end, ledger=None):
    day = pd.Timestamp("2024-01-01") + pd.Timedelta(days=end)
    return update_alerts(ledger, build_alerts(detect_shifts(history[history["ds"] < day])), day)


def test_a_total_and_its_segment_are_one_incident_with_its_cost():
    found = build_alerts(detect_shifts(desk()))
    up = found[found["direction"] == "up"]
    assert len(up) == 1
    row = up.iloc[0]
    assert row["members"].split("; ") == ["all", "channel web"]
    assert (row["kind"], row["state"], row["impact_unit"]) == ("level_shift", "back to normal", "cases")
    assert row["impact"] == pytest.approx(20 * 60, rel=0.2)
    assert abs((row["changed_at"] - pd.Timestamp("2024-04-10")).days) <= 1


@pytest.mark.slow
def test_ids_are_stable_and_news_is_told_once():
    history, ledger, seen = desk(), None, []
    for end in range(99, 140):
        ledger = run(history, end, ledger)
        seen += [(end, i, n) for i, n in zip(ledger["alert_id"], ledger["news"], strict=True) if n]
    assert list(ledger.columns) == list(LEDGER_COLUMNS)
    ids = {i for _, i, _ in seen}
    assert len(ids) == len(ledger)
    for one in ids:
        news = [n for _, i, n in seen if i == one]
        assert news[0] == "opened"
        assert news.count("opened") == 1
        assert news.count("resolved") == 1
        assert news[-1] == "resolved"
    again = run(history, 139, ledger)
    assert (again["news"] == "").all()


def test_acknowledged_and_silenced_incidents_stay_so():
    history = desk()
    ledger = run(history, 104)
    one = ledger["alert_id"].iloc[0]
    ledger = acknowledge_alert(ledger, one, "Ana", "2024-04-15")
    ledger = mute_alert(ledger, one, "2024-05-10")
    later = run(history, 129, ledger).set_index("alert_id").loc[one]
    assert (later["acknowledged_by"], later["news"], later["state"]) == ("Ana", "", "back to normal")
    assert later["silenced_until"] == pd.Timestamp("2024-05-10")
    with pytest.raises(InputError, match="unknown KPI alert"):
        acknowledge_alert(ledger, one + "x", "Ana", "2024-04-15")


def test_known_spans_explain_and_what_is_gone_is_withdrawn():
    history = desk()
    shifts = detect_shifts(history[history["ds"] < "2024-04-15"])
    campaign = KnownSpan("spring campaign", pd.Timestamp("2024-04-08"), pd.Timestamp("2024-04-20"), ("cases_opened",))
    found = build_alerts(shifts, [campaign])
    assert found["state"].tolist() == ["explained"]
    assert found["explained"].tolist() == ["spring campaign"]
    assert update_alerts(None, found, "2024-04-15")["news"].tolist() == [""]
    other = KnownSpan("other", campaign.first, campaign.last, ("csat",))
    assert build_alerts(shifts, [other])["state"].tolist() == ["continuing"]
    ledger = update_alerts(None, build_alerts(shifts), "2024-04-15")
    nothing = build_alerts(shifts.iloc[:0])
    gone = update_alerts(ledger, nothing, "2024-04-16")
    assert gone[["state", "news"]].values.tolist() == [["cancelled", "cancelled"]]
    assert update_alerts(gone, nothing, "2024-04-17")["news"].tolist() == [""]


def test_two_values_of_one_column_are_not_one_thing():
    day = pd.Timestamp("2024-03-01")
    rows = [("csat", s, "down", day, day) for s in ("web", "chat", "web/north")]
    frame = pd.DataFrame(rows, columns=["kpi", "series", "direction", "started_at", "detected_at"])
    assert group_detections(frame).tolist() == [0, 1, 0]
    assert not is_related("web/north", "web/south")
    assert not is_related("channel web", "channel chat")
    assert is_related("channel web", "product TV")
    far = frame.assign(started_at=[day, day, day + pd.Timedelta(days=9)])
    assert group_detections(far).tolist() == [0, 1, 2]
