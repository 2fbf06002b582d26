"""The versions before the one in use compete too: a model that learnt an exceptional month does not stay for a year."""

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from deskcast.models.evaluation.paired import PairedVerdict
from deskcast.models.evaluation.scores import Gain
from deskcast.models.evaluation.statement import state as say
from deskcast.pipelines.commands.retraining import keep_training
from deskcast.pipelines.registry.champions import find_champions, find_formers
from deskcast.pipelines.registry.decisions import PROMOTED, Decision, decide, read_decisions
from deskcast.pipelines.stages import retraining
from deskcast.pipelines.state.database import change_state, read_state

NAME, KIND = "desk-breach-resolution", "breach-resolution"


def verdict(promoted, gain):
    return PairedVerdict(
        promoted, say("An earlier version is used: {gain}.", gain=gain), 300, 900, Gain(gain, 0.0, 1.0)
    )


@pytest.mark.parametrize(
    ("new", "before", "again"),
    [
        (verdict(False, 0.0), verdict(True, 0.02), True),
        (verdict(True, 0.05), verdict(True, 0.02), False),
        (verdict(True, 0.01), verdict(True, 0.02), True),
        (verdict(False, 0.0), verdict(False, 0.02), False),
        (None, verdict(True, 0.02), True),
    ],
)
def test_the_best_of_three_is_used(first, monkeypatch, new, before, again):
    cut = first.project.log.until
    old = Decision(NAME, "1", PROMOTED, "", {"as_of": cut.isoformat(), "sha256": ""})
    monkeypatch.setattr(retraining, "find_formers", lambda *_: {NAME: [old]})
    monkeypatch.setattr(retraining, "load_model", lambda *_: SimpleNamespace(risk="the one before"))
    monkeypatch.setattr(retraining, "judge_models", lambda *_: {"breach": before})
    found = retraining._judge_formers(
        first.project, None, {"breach": "in use"}, {} if new is None else {KIND: new}, cut, "resolution"
    )
    assert found == ({KIND: (old, before)} if again else {})
    earlier = cut - pd.Timedelta("1D")  # it has seen cases that are judged
    assert retraining._judge_formers(first.project, None, {"breach": "in use"}, {}, earlier, "resolution") == {}


def test_what_was_in_use_before_is_written_down_as_in_use_again(desk, first, monkeypatch):
    from mlflow import MlflowClient

    project = replace(first.project, config=replace(first.project.config, folder=desk))
    client = MlflowClient(f"sqlite:///{desk / 'mlflow.db'}")
    for _ in range(2):
        client.create_model_version(NAME, str(desk), first.runs[1])
    made = next(m for m in first.made if m.name == NAME)
    with change_state(project.config.state_place) as state:
        decide(state, replace(made, version="2"), PROMOTED, "Better.", by="ann", as_of=first.project.log.until)
    assert find_champions(project.config)[NAME].version == "2"
    (before,) = find_formers(project.config)[NAME]
    assert before.version == "1"
    monkeypatch.setattr(
        "deskcast.pipelines.commands.retraining.register_models", lambda *_, **__: [replace(made, version="3")]
    )
    training = replace(
        first.training,
        models=tuple(m for m in first.training.models if m.kind == KIND),
        reasons={KIND: (False, "It is not the best.")},
        again={KIND: (before, verdict(True, 0.02))},
    )
    keep_training(project, training, first.runs[1])
    assert find_champions(project.config)[NAME].version == "1"
    with read_state(project.config.state_place) as state:
        last = [d for d in read_decisions(state, "desk") if d.model == NAME][-2:]
    assert [(d.version, d.decision) for d in last] == [("3", "kept"), ("1", "rolled back")]
    assert last[1].reason == "An earlier version is used: 0.02."
    assert str(client.get_model_version_by_alias(NAME, "champion").version) == "1"
    assert str(client.get_model_version_by_alias(NAME, "challenger").version) == "3"


@pytest.mark.parametrize(("cases", "said"), [(166, "Only 166 of the 200 cases"), (350, "Only 9 of the 14 days")])
def test_where_it_is_too_early_to_judge_every_model_has_the_true_reason(first, monkeypatch, cases, said):
    later = first.project.log.until + pd.Timedelta(days=9)
    project = replace(first.project, log=SimpleNamespace(until=later))
    monkeypatch.setattr(retraining, "risk_metric", lambda _: "resolution")
    monkeypatch.setattr(retraining, "look_since", lambda *_: None)
    monkeypatch.setattr(retraining, "choose_cut", lambda *_: (None, cases))
    monkeypatch.setattr(retraining, "_train_on_all", lambda *given: given[-1])
    waits = retraining._train_case_models(project, False, None, None)
    assert set(waits) == {KIND, "dissatisfaction", "escalation"}
    assert all(str(one.reason).startswith(said) for one in waits.values())
    assert list(retraining._say_once(waits)) == [KIND]  # and the stage says it once
