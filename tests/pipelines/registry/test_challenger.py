"""A challenger is judged on cases that neither model has seen, both as they were on the day."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.evaluation.calibration import brier
from deskcast.pipelines.registry.champions import find_champions, load_model
from deskcast.pipelines.registry.decisions import read_decisions
from deskcast.pipelines.stages.challenger import choose_cut, look_since, predict_forward
from deskcast.pipelines.state.database import read_state

NAME = "desk-breach-resolution"


@pytest.mark.slow
def test_both_are_judged_on_cases_that_neither_has_seen(desk, first, train):
    second = train(desk, "2024-03-10 08:00")
    project, verdict = second.project, second.training.verdicts["breach-resolution"]
    began, cut, until = first.project.log.until, second.training.trained_until, project.log.until
    assert began < cut <= until - pd.Timedelta("14D")
    assert verdict.cases >= 200
    outlook = look_since(project, "resolution", began)
    assert choose_cut(outlook, began)[0] == cut
    lesson = outlook.decided("breach", cut)
    assert lesson.snapshots["case_id"].nunique() == verdict.cases
    cases = pd.read_csv(desk / "cases.csv", parse_dates=["created_at"]).set_index("case_id")["created_at"]
    assert (cases[lesson.snapshots["case_id"]] > cut).all()  # by hand: opened after all that either was trained on
    done = pd.read_csv(desk / "events.csv", parse_dates=["at"]).query("kind == 'resolved'").set_index("case_id")["at"]
    took = done.reindex(lesson.snapshots["case_id"]).array - cases[lesson.snapshots["case_id"]].array
    late = pd.Series(took).isna() | (pd.Series(took) > pd.Timedelta("48h"))
    assert (late.to_numpy() == (lesson.observed == 1)).all()
    models = [load_model(project.config, m.registered).risk for m in decisions(desk) if m.model == NAME]
    assert models[1].as_of_ == cut
    said = [predict_forward(m, lesson.snapshots, outlook) for m in models]
    scores = [brier(lesson.observed, p, weight=lesson.weight) for p in said]
    assert np.isclose(scores[0] - scores[1], verdict.gain.mean)
    in_use = find_champions(project.config)
    assert in_use[NAME].version == ("2" if verdict.is_promoted else "1")
    assert in_use["desk-volume"].version == "2"
    kept = next(d for d in decisions(desk) if d.model == NAME and d.version == "2")
    assert kept.reason == str(verdict.reason)
    assert kept.body["figures"]["cases"] == verdict.cases
    assert str(verdict.reason) in second.training.stage.findings

    third = train(desk, "2024-03-12 08:00")  # too soon: nothing to judge by for the version that came two days ago
    few = third.training.verdicts["breach-resolution"]
    assert verdict.is_promoted or few.cases >= 200
    assert third.training.trained_until is not None


def decisions(folder):
    with read_state(folder / "results") as state:
        return read_decisions(state, "desk")


def test_a_prediction_of_a_day_sees_nothing_later(first):
    outlook = look_since(first.project, "resolution", first.project.log.until - pd.Timedelta("20D"))
    risk = load_model(first.project.config, next(m for m in first.made if m.name == NAME)).risk
    rows = outlook.frame[outlook.frame["at"] >= outlook.frame["at"].max() - pd.Timedelta("6D")].reset_index(drop=True)
    until = rows["at"].max()
    whole = predict_forward(risk, rows, outlook)
    labels = outlook.labels.assign(label=~outlook.labels["label"].astype("boolean"))
    later = outlook.labels["known_at"] > until
    turned = outlook.labels.where(~later, labels)  # what became known later came out the other way
    from dataclasses import replace

    again = predict_forward(risk, rows, replace(outlook, labels=turned))
    np.testing.assert_allclose(whole, again, rtol=0, atol=1e-12)
    assert np.isfinite(whole).all()
