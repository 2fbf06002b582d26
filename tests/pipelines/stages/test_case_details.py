"""What the page of a case shows beside its risk, and nothing of what came later."""

import pandas as pd
from deskcast.features import CaseLog
from deskcast.pipelines.stages import case_details
from deskcast.pipelines.stages.case_details import build_case_details

CASES = pd.DataFrame({"case_id": list("1234"), "created_at": "2024-03-01T09:00Z", "priority": list("1212")})
EVENTS = pd.DataFrame(
    [
        ("1", "2024-03-01T11:00Z", "resolved", None),
        ("1", "2024-03-02T09:00Z", "reopened", None),
        ("2", "2024-03-02T10:00Z", "assigned", "A"),
        ("3", "2024-03-02T11:00Z", "resolved", None),
        ("4", "2024-03-09T11:00Z", "resolved", None),
    ],
    columns=["case_id", "at", "kind", "new"],
)
LABELS = pd.DataFrame({"case_id": ["3", "1"], "metric": "resolution", "label": [True, None]})
OPEN = pd.DataFrame({"case_id": ["2", "1"], "target_used": [1.2, 0.5], "left_s": [2.0, 1.0], "priority": ["2", "1"]})


def test_open_cases_have_clock_and_events_and_past_ones_their_end():
    log = CaseLog.from_frames(cases=CASES, events=EVENTS).as_of("2024-03-05T00:00Z")
    tables = build_case_details(log, "resolution", OPEN, LABELS)
    clocks, events, past = tables["case_clocks"], tables["case_events"], tables["past_cases"]
    assert clocks[["case_id", "target_used", "left_business_s", "priority"]].to_numpy().tolist() == [
        ["1", 0.5, 1.0, "1"],
        ["2", 1.2, 2.0, "2"],
    ]
    assert events[["case_id", "kind"]].to_numpy().tolist() == [["1", "resolved"], ["1", "reopened"], ["2", "assigned"]]
    assert past[["case_id", "resolution_s", "breached"]].to_numpy().tolist() == [["3", 93600.0, True]]


def test_what_is_not_there_is_left_out_and_old_events_are_cut(monkeypatch):
    monkeypatch.setattr(case_details, "MAX_EVENTS", 1)
    log = CaseLog.from_frames(cases=CASES, events=EVENTS).as_of("2024-03-05T00:00Z")
    tables = build_case_details(log, "resolution", OPEN[["case_id", "left_s"]], LABELS.head(0))
    assert set(tables) == {"case_events", "past_cases"}
    assert tables["case_events"]["kind"].tolist() == ["reopened", "assigned"]
    assert tables["past_cases"]["breached"].isna().all()
    assert build_case_details(CaseLog.from_frames(cases=CASES), "resolution", OPEN.head(0), LABELS) == {}
