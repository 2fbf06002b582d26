"""Stop a night at its k-th operation: results, what is issued, the record in MLflow, models and decisions on them.

Run as ``python run_faults.py kill|full FOLDER [EVERY]``: as in ``file_faults.py``, each k (or every so many) is a
forked child that does the night in a fresh copy of ``FOLDER/base``, struck before an operation on files, or before a
statement or commit of SQL, of the state and of MLflow's store. What is computed is made up: a night writes, computing
does not. Afterwards results are whole, old or new; issues and decisions are all old or all new; the files of each model
in use are those of its checksum; both stores are sound. Every fifth child is followed by a night that nothing strikes.
"""

import json
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import file_faults
import pandas as pd
from deskcast.pipelines.commands.retraining import keep_training
from deskcast.pipelines.project.specs import Config, ForecastSpec
from deskcast.pipelines.registry.champions import check_model
from deskcast.pipelines.registry.decisions import find_in_use, read_decisions
from deskcast.pipelines.registry.register import NewModel
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.stages.retraining import Training
from deskcast.pipelines.stages.volume_challenger import VolumeTraining
from deskcast.pipelines.state.database import read_state
from deskcast.pipelines.state.issued import read_issued
from deskcast.pipelines.store.doctor import examine
from deskcast.pipelines.store.results import read_results
from file_faults import MORNING, NEXT_MORNING, PATIENCE_S, commit, issue, names, stages, strike


@dataclass
class MadeUp:
    """A model that answers 1, with what versions of the volume model hold."""

    spec: ForecastSpec

    def predict(self, model_input, params=None):
        """Return 1 for each row."""
        return pd.DataFrame({"y": [1.0] * len(model_input)})


def configured(home):
    return Config(home, (), experiment="desk")


def made(kind, version):
    from mlflow.models import infer_signature

    example = pd.DataFrame({"x": [1.0]})
    model = MadeUp(ForecastSpec(windows=version))
    return NewModel(kind, model, infer_signature(example, model.predict(example)), example, f"version {version}")


def train(home, version, at):
    """Register two models and decide on both, as a run does that retrains."""
    from deskcast.pipelines.store.tracking import record_run

    config = configured(home)
    ids = record_run(stages(version), uri=config.tracking_uri, experiment="desk", folder=home)
    breach, volume = (made(kind, version) for kind in ("breach-resolution", "volume"))
    training = Training(
        Stage("train"), (breach, volume), {breach.kind: (True, "Better."), "volume": (True, "The first.")}, at,
        volume=VolumeTraining(volume, "promoted" if version == 1 else "shadowed", "The first."),
    )  # fmt: skip
    log = SimpleNamespace(until=at)
    keep_training(SimpleNamespace(config=config, log=log, fingerprint="f"), training, ids[1])


def first(results):
    train(results.parent, 1, MORNING)


def night(results):
    """Do what a run writes: results in one step, what it issues, its record, new versions of models."""
    commit(results)
    issue(results, "C-2", NEXT_MORNING)
    train(results.parent, 2, NEXT_MORNING)


#: Fields of the state before and after the night, in the order in which they change.
OLD = {"run": 1, "report": "report 1", "issued": 2, "decisions": 2}
NEW = {"run": 2, "report": "report 2", "issued": 4, "decisions": 4}


def state_of(home):
    """Say of each thing whether it is the old one or the new one; whatever is neither raises."""
    results = read_results(home / "results")
    runs = {int(v) for frame in results.tables.values() for v in frame["run"]}
    assert len(runs) == 1, f"a mixture: {runs}"
    with read_state(home / "results") as state:
        issued, decisions = len(read_issued(state, "risk")), read_decisions(state, "desk")
    in_use = find_in_use(decisions)
    for one in in_use.values():
        check_model(configured(home), one.registered)
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        known = set(database.execute("SELECT name, version FROM model_versions"))
    assert {(one.model, int(one.version)) for one in decisions} <= known, "a decision on a version that is not there"
    broken = [f"{c.what}: {c.said}" for c in examine(configured(home)) if c.condition == "broken"]
    report = (home / "results" / "report.html").read_text()
    used = {one.model.removeprefix("desk-"): one.version for one in in_use.values()}
    told = {"run": runs.pop(), "report": report, "issued": issued, "decisions": len(decisions)}
    return told | {"used": used, "broken": broken}


def main(how, folder, every=1):
    base, scratch = folder / "base", folder / "tmp"
    base.mkdir(parents=True)
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    file_faults.ACTIONS |= {"first": first, "night": night}
    file_faults.SQL_ACTIONS = ("night",)
    file_faults.SQL_STEPS = 10**9  # within statements the state was struck by itself
    file_faults.prepare(base)
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 - once, for all children

    assert strike("first", "kill", 0, base)[1] == "well"
    k = 1
    while True:
        home = folder / f"home{k}"
        shutil.copytree(base, home)
        before, ended = strike("night", how, k, home)
        outcome = {"k": k, "before": before, "ended": ended} | state_of(home)
        if (k // every) % 5 == 0:
            outcome["next"] = strike("night", "kill", 0, home)[1]
            outcome["then"] = state_of(home)
        end = time.monotonic() + PATIENCE_S
        while (more := names(scratch)) and time.monotonic() < end:
            time.sleep(0.01)
        outcome["left"] = sorted(more)
        sys.stdout.write(json.dumps(outcome) + "\n")
        sys.stdout.flush()
        shutil.rmtree(home)
        if not before:
            break
        k += every


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
