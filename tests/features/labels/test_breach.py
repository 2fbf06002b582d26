"""Labels: known from the right instant on, and the same in every later log."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.labels.breach import breach_labels
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from promises import promised_log

KEY = ["case_id", "metric"]


def known_then(labels: pd.DataFrame, asked: pd.DataFrame, t: pd.Timestamp) -> pd.DataFrame:
    """Return the labels of a whole log as far as they were known at an instant, for the rows asked for."""
    out = labels.set_index(KEY).reindex(pd.MultiIndex.from_frame(asked[KEY]))
    late = ~(out["known_at"] <= t)
    out.loc[late, "label"] = pd.NA
    out.loc[late, "known_at"] = pd.NaT
    return out.reset_index()


def assert_decided_once(log: CaseLog, whole: pd.DataFrame, t: pd.Timestamp) -> None:
    then = breach_labels(log.as_of(t))
    assert_frame_equal(then, known_then(whole, then, t))
    unseen = whole.merge(then[KEY], how="left", on=KEY, indicator=True).query("_merge == 'left_only'")
    assert not (unseen["known_at"] <= t).any(), "a label was known and its row is not there"


LOGS = {seed: promised_log(seed, 40) for seed in (1, 2)}
WHOLE = {seed: breach_labels(log) for seed, log in LOGS.items()}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.sampled_from(sorted(LOGS)), second=st.integers(0, 40 * 86400))
def test_a_label_once_known_is_the_same_in_every_later_log(seed, second):
    assert_decided_once(LOGS[seed], WHOLE[seed], pd.Timestamp("2024-03-10T00:00Z") + pd.Timedelta(seconds=second))


@pytest.mark.parametrize("seed", sorted(LOGS))
def test_a_label_is_known_at_its_instant_and_not_before(seed):
    labels = WHOLE[seed]
    some = labels[labels["known_at"].notna()].sample(4, random_state=seed)
    for known in some["known_at"]:
        assert_decided_once(LOGS[seed], labels, known)
        assert_decided_once(LOGS[seed], labels, known - pd.Timedelta(microseconds=1))


def test_every_metric_has_labels_of_all_three_sorts():
    labels = pd.concat(WHOLE.values())
    assert not WHOLE[1].duplicated(KEY).any()
    for metric, some in labels.groupby("metric"):
        assert set(some["label"].dropna()) == {True, False}, metric
        assert some["label"].isna().any() or metric in ("first_response",), metric
        assert (some["label"].isna() == some["known_at"].isna()).all()
    assert str(labels["label"].dtype) == "boolean"


def test_by_hand_open_past_its_target_is_broken_and_open_before_it_is_undecided():
    cases = pd.DataFrame(
        {"case_id": ["a", "b", "c"], "created_at": ["2024-03-01T09:00Z"] * 3, "priority": ["1", "2", "2"]}
    )
    events = pd.DataFrame({"case_id": ["c", "c"], "kind": ["resolved", "reopened"],
                           "at": ["2024-03-01T09:30Z", "2024-03-01T10:00Z"]})  # fmt: skip
    rows = {
        "policy": ["p", "q"],
        "metric": "resolution",
        "priority": ["1", "2"],
        "target_s": [3600, 7200],
        "clock": "calendar",
    }
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=pd.DataFrame(rows), until="2024-03-01T10:30Z")
    found = breach_labels(log).set_index("case_id")
    assert found["label"].tolist() == [True, pd.NA, False]
    assert found.loc["a", "known_at"] == pd.Timestamp("2024-03-01T10:00Z")
    assert found.loc["c", "known_at"] == pd.Timestamp("2024-03-01T09:30Z"), (
        "a re-opening does not undo what was decided"
    )


def test_a_missing_reply_is_broken_when_due_though_the_first_reply_of_the_log_comes_later():
    cases = pd.DataFrame({"case_id": ["a", "b"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T11:00Z"]})
    reply = {"case_id": ["b"], "kind": "message", "at": "2024-03-01T11:30Z", "actor_role": "agent", "public": True}
    policy = {"policy": ["p"], "metric": "first_response", "target_s": [3600], "clock": "calendar"}
    rest = {"events": pd.DataFrame(reply), "sla_policies": pd.DataFrame(policy), "until": "2024-03-01T13:00Z"}
    log = CaseLog.from_frames(cases=cases, **rest)
    labels = breach_labels(log)
    assert labels["label"].tolist() == [True, False]
    assert labels["known_at"].tolist() == [pd.Timestamp("2024-03-01T10:00Z"), pd.Timestamp("2024-03-01T11:30Z")]
    assert breach_labels(log.as_of("2024-03-01T10:30Z"))["label"].tolist() == [True]
    for t in ("2024-03-01T10:30Z", "2024-03-01T11:30Z"):
        assert_decided_once(log, labels, pd.Timestamp(t))


def test_the_exporting_systems_flag_on_the_real_log(shared_data):
    file = shared_data("servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz")
    spec = SourceSpec(table="cases", path=file.name, kind="servicenow", timezone="Europe/Lisbon")
    loaded = load_source(spec, file.parent)
    policy = {"policy": ["theirs", "ours"], "metric": ["made_sla", "closing"], "clock": ["source", "calendar"],
              "target_s": [np.nan, 7 * 86400.0]}  # fmt: skip
    frames = {name: loaded.tables[name] for name in ("cases", "events")}
    log = CaseLog.from_frames(**frames, sla_policies=pd.DataFrame(policy), timezone="Europe/Lisbon")
    labels = breach_labels(log)
    theirs = labels[labels["metric"] == "made_sla"]
    assert len(theirs) == 17136
    assert round(float(theirs["label"].mean()), 3) == 0.428  # measured on the Closed rows: 42.8 % end with False
    for t in ("2016-03-21T12:00Z", "2016-04-15T08:30Z"):
        assert_decided_once(log, labels, pd.Timestamp(t))
