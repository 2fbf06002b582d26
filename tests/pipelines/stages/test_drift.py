"""The stage on drift: one sentence that proposes to train again, or that nothing has moved, with its figures."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.models.drift import needs_retraining
from deskcast.pipelines.stages.drift import drift_stage, find_drift
from deskcast.pipelines.stages.train import TrainedModel
from deskcast.pipelines.words.columns import find_column, format_cell
from deskcast.pipelines.words.contradictions import contradictions
from deskcast.pipelines.words.facts import audience_of

UNTIL = pd.Timestamp("2024-05-06T06:00Z")


def desk(days=120, *, changed=False, used="mean", zone="Europe/Berlin"):
    """Return a project and a model that learned from mornings and midnights, perhaps with a new channel of late."""
    dice = np.random.default_rng(2)
    at = pd.date_range(end=UNTIL, periods=days, freq="D")
    rows = pd.DataFrame({"at": at.union(at - pd.Timedelta("6h")).repeat(20)})
    rows.insert(0, "case_id", [f"c{i}" for i in range(len(rows))])
    rows["channel"] = dice.choice(["phone", "email"], len(rows))
    rows["in_team_s"] = dice.exponential(9000, len(rows))
    if changed:
        late = rows["at"] > UNTIL - pd.Timedelta("4D")
        rows.loc[late & (rows.index % 3 == 0), "channel"] = "app"
    due = rows["at"] + pd.Timedelta("1D")
    labels = rows[["case_id"]].assign(label=dice.uniform(size=len(rows)) < 0.3, due_at=due, known_at=due)
    labels["label"] = labels["label"].astype("boolean").mask(due > UNTIL)
    today = rows["at"] == UNTIL
    risk = SimpleNamespace(used_=used, risk=lambda frame: np.clip(frame["in_team_s"] / 40_000, 0.05, 0.9))
    cases = pd.DataFrame({"case_id": ["c0"], "created_at": [at[0] - pd.Timedelta("1D")]})
    log = CaseLog.from_frames(cases=cases, until=UNTIL, timezone=zone)
    model = TrainedModel(risk, "resolution", rows[~today], rows[today], labels, pd.DataFrame())
    return SimpleNamespace(log=log), model


def test_nothing_has_moved_is_one_sentence_for_analysts():
    stage = drift_stage(*desk())
    count = len(stage.tables["drift_checks"])
    assert stage.findings == (
        f"No model drift: open cases, risks and outcomes of the last 7 days are as usual ({count} checks).",
    )
    assert audience_of(stage.findings[0]) == "analyst"
    assert (stage.params, stage.metrics["moved"], stage.failed) == ({"retrain": ""}, 0.0, "")
    assert contradictions(stage) == []
    assert {"open cases", "breach risk", "breach rate", "Brier score"} <= set(stage.tables["drift_checks"]["check"])


def test_a_new_channel_proposes_to_train_again_and_says_why():
    project, model = desk(changed=True)
    stage = drift_stage(project, model)
    assert stage.findings[0] == (
        "Train the breach risk model again: the last 7 days differ from the 4 weeks before (channel)."
    )
    assert audience_of(stage.findings[0]) == "planner"
    assert any(said.startswith("Channel, share of new values: ") and said.endswith("(app).") for said in stage.findings)
    assert stage.params["retrain"] == needs_retraining(find_drift(project, model)) == "channel"
    assert contradictions(stage) == []
    mornings = stage.tables["drift_by_morning"]
    assert mornings["at"].is_monotonic_decreasing
    assert stage.metrics["strength"] == mornings["strength"].iloc[0] > mornings["limit"].iloc[0]
    for name, table in stage.tables.items():
        assert all(find_column(name, column) for column in table.columns)
    assert format_cell("drift_checks", "check", "new values") == "Share of new values"


@pytest.mark.parametrize(("used", "lacks"), [("mean", set()), ("unknown", {"breach risk", "Brier score"})])
def test_without_risks_the_open_cases_and_breaches_are_checked(used, lacks):
    found = drift_stage(*desk(used=used)).tables["drift_checks"]
    assert lacks.isdisjoint(found["check"])
    assert {"open cases", "breach rate"} <= set(found["check"])


def test_what_is_missing_is_said():
    few = drift_stage(*desk(days=50))
    assert few.findings == ("No check for model drift yet: it needs open cases of 65 past days, this log has 37.",)
    assert contradictions(few) == []
    assert drift_stage(desk()[0], None).skipped == "No model yet: see the stage 'train'."


def test_a_model_in_use_is_compared_with_the_weeks_before_it_learned():
    project, model = desk(changed=True)
    lately = replace(model, trained_until=UNTIL - pd.Timedelta("3D"))
    assert drift_stage(project, lately).params["retrain"] == ""  # too little that it has not seen
    earlier = replace(model, trained_until=UNTIL - pd.Timedelta("30D"))
    assert drift_stage(project, earlier).params["retrain"] == "channel"
