"""Labels of dissatisfaction, escalation and re-opening: by hand, and once known the same in every later log."""

import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.features.labels.events import escalation_labels, reopen_labels
from deskcast.features.labels.satisfaction import LABEL_COLUMNS, dissatisfaction_labels
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from logs import random_log

FRAMES = random_log(3, 200)
EVENTS = FRAMES["events"].assign(
    recorded_at=lambda e: e["at"] + pd.to_timedelta([(i % 4 == 0) * i * 90 for i in range(len(e))], unit="s"),
    field=lambda e: pd.Series("complaint", index=e.index).where(e["kind"] == "field"),
)
EVENTS.loc[EVENTS["kind"] == "field", "new"] = [
    "yes" if i % 3 else "no" for i in range((EVENTS["kind"] == "field").sum())
]
CASES = FRAMES["cases"].assign(disputed=[["Yes", "No", None][i % 3] for i in range(len(FRAMES["cases"]))])
LOG = CaseLog.from_frames(cases=CASES, events=EVENTS, surveys=FRAMES["surveys"], attributes={"disputed": "outcome"})
MAKERS = {
    "escalated": escalation_labels,
    "escalated in three days": lambda log: escalation_labels(log, 3 * 86400.0),
    "handed over": lambda log: escalation_labels(log, to=["*"]),
    "re-opened": reopen_labels,
    "surveys": dissatisfaction_labels,
    "an attribute": lambda log: dissatisfaction_labels(log, field="disputed"),
    "a blank is no": lambda log: dissatisfaction_labels(log, field="disputed", blank="no"),
    "an event": lambda log: dissatisfaction_labels(log, field="complaint", within_s=20 * 86400.0, blank="no"),
}
WHOLE = {name: make(LOG) for name, make in MAKERS.items()}


@pytest.mark.parametrize("name", list(MAKERS))
def test_a_label_once_known_is_the_same_in_every_later_log(name):
    whole = WHOLE[name]

    @settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(second=st.integers(9 * 86400, 40 * 86400))
    def check(second):
        t = pd.Timestamp("2024-03-10T00:00Z") + pd.Timedelta(seconds=second)
        then = MAKERS[name](LOG.as_of(t)).set_index("case_id")
        now = whole.set_index("case_id").reindex(then.index)
        late = ~(now["known_at"] <= t)
        for column in {"label", "known_at", "answered"} & set(now.columns):
            now[column] = now[column].mask(late)
        pd.testing.assert_frame_equal(then, now)
        unseen = whole[~whole["case_id"].isin(then.index)]
        assert not (unseen["known_at"] <= t).any(), "a label was known and its row is not there"

    check()


@pytest.mark.parametrize("name", list(MAKERS))
def test_labels_of_all_three_sorts(name):
    found = WHOLE[name]
    assert found["case_id"].is_monotonic_increasing
    assert not found["case_id"].duplicated().any()
    assert set(found["label"].dropna()) == {True, False}
    assert found["label"].isna().any()
    assert str(found["label"].dtype) == "boolean"
    assert found.loc[found["label"].notna(), "known_at"].notna().all()


def log_of(*told: tuple[str, str, str], **more) -> CaseLog:
    events = pd.DataFrame(told, columns=["case_id", "at", "kind"])
    events["at"] = "2024-03-" + events["at"] + "Z"
    cases = pd.DataFrame({"case_id": list("abcd"), "created_at": ["2024-03-01T09:00Z"] * 4})
    return CaseLog.from_frames(cases=cases, events=events, until="2024-03-20T00:00Z", **more)


def test_escalations_by_hand():
    log = log_of(("a", "02T09:00", "escalated"), ("b", "01T10:00", "resolved"), ("b", "03T09:00", "escalated"),
                 ("c", "01T12:00", "merged"), ("c", "01T13:00", "escalated"))  # fmt: skip
    found = escalation_labels(log).set_index("case_id")
    assert found["label"].tolist() == [True, False, pd.NA, pd.NA]
    first = pd.Timestamp("2024-03-01T13:00Z")
    assert found.loc["b", "known_at"] == first, "that none came is not known before the log shows any"
    assert escalation_labels(log, 12 * 3600.0)["label"].tolist() == [False, False, pd.NA, False]


def test_handovers_to_teams_that_take_escalations_count_by_hand():
    told = [("a", "01T10:00", "assigned", "first"), ("a", "01T11:00", "message", None),
            ("a", "02T09:00", "assigned", "second"), ("b", "01T10:00", "assigned", "second"),
            ("b", "02T10:00", "assigned", "first"), ("b", "03T10:00", "resolved", None),
            ("b", "03T11:00", "assigned", "second"), ("c", "01T10:00", "assigned", "first"),
            ("c", "01T11:00", "assigned", "first"), ("c", "04T10:00", "resolved", None)]  # fmt: skip
    log = log_of(*[row[:3] for row in told])
    events = log.frame("events")
    events["team"] = pd.Series([row[3] for row in told], index=events.index, dtype="str")
    log = CaseLog.from_frames(cases=log.frame("cases"), events=events, until="2024-03-20T00:00Z")
    found = escalation_labels(log, to=["second"]).set_index("case_id")
    assert found["label"].tolist() == [True, False, False, pd.NA], "b began there, and came back after its end"
    assert found.loc["a", "known_at"] == pd.Timestamp("2024-03-02T09:00Z")
    assert escalation_labels(log, to=["*"])["label"].tolist() == [True, True, False, pd.NA]
    assert escalation_labels(log, to=["third"])["label"].isna().all(), "nobody was ever with them"
    assert escalation_labels(log)["label"].isna().all()


def test_reopenings_by_hand():
    log = log_of(("a", "02T09:00", "resolved"), ("a", "08T09:00", "reopened"), ("b", "02T09:00", "closed"),
                 ("b", "12T09:00", "reopened"), ("c", "18T09:00", "resolved"))  # fmt: skip
    found = reopen_labels(log).set_index("case_id")
    assert found["label"].tolist() == [True, False, pd.NA, pd.NA]
    assert found.loc["b", "known_at"] == pd.Timestamp("2024-03-09T09:00Z")
    assert reopen_labels(log, 86400.0)["label"].tolist() == [False, False, False, pd.NA]


def test_surveys_by_hand():
    surveys = pd.DataFrame(
        {
            "survey_id": list("stuvw"),
            "kind": ["csat", "nps", "csat", "ces", "csat"],
            "case_id": ["a", "b", "c", "d", "a"],
            "offered_at": ["2024-03-02T09:00Z"] * 4 + ["2024-03-01T10:00Z"],
            "responded_at": ["2024-03-03T09:00Z", "2024-03-04T09:00Z", "2024-03-12T09:00Z", "2024-03-03T09:00Z",
                             "2024-03-01T11:00Z"],
            "score": [1.0, 6.0, 1.0, 1.0, 4.0],
        }
    )  # fmt: skip
    found = dissatisfaction_labels(log_of(surveys=surveys)).set_index("case_id")
    assert found.index.tolist() == ["a", "b", "c"], "an effort score does not tell"
    assert found["label"].tolist() == [False, True, pd.NA], "the first survey counts, and an answer in time"
    assert found["answered"].tolist() == [True, True, False]
    assert found.loc["c", "known_at"] == pd.Timestamp("2024-03-09T09:00Z")
    assert dissatisfaction_labels(log_of(surveys=surveys), low={"csat": 4.0})["label"].tolist() == [True, pd.NA]
    assert tuple(dissatisfaction_labels(log_of(surveys=surveys)).columns) == LABEL_COLUMNS


def test_what_cannot_be_labelled_is_named():
    with pytest.raises(InputError, match="no surveys"):
        dissatisfaction_labels(log_of())
    with pytest.raises(InputError, match=r"nothing in the log has this field.*'dispute'"):
        dissatisfaction_labels(log_of(), field="dispute")
    with pytest.raises(InputError, match="above 0"):
        reopen_labels(log_of(), 0)
    with pytest.raises(InputError, match="above 0"):
        escalation_labels(log_of(), float("nan"))
