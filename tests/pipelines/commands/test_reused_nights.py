"""Nights that reuse what the last one left give the results of nights that compute everything."""

import shutil

import numpy as np
import pandas as pd
import pytest
from deskcast.models.shifts.cusum import EvidencePass
from deskcast.pipelines.commands.nights import open_night, run_night
from deskcast.pipelines.stages.stage_run import StageRun
from deskcast.pipelines.store.results import read_results
from deskcast.pipelines.store.reuse import reuse_last_night

CONFIG = """
timezone = "Europe/Berlin"
[source.cases]
path = "cases.csv"
[source.events]
path = "events.csv"
[[sla]]
metric = "resolution"
target = "48h"
[history]
by = ["channel"]
[risk]
train_days = 25
"""
WATCH = '[watch]\nkpis = ["cases_opened", "resolution_time"]\n'
START, DAYS, A_DAY = pd.Timestamp("2024-01-01T06:00Z"), 110, 8
#: Cases of one day that an export tells late to have been taken up again.
LATE = [(f"c{number:04}", START + pd.Timedelta(days=60), "reopened") for number in range(300, 308)]


def write_desk(folder, until, extra="", late=()):
    """Write the export of a desk up to an instant, with events that came late."""
    dice = np.random.default_rng(3)
    n = DAYS * A_DAY
    opened = START + pd.to_timedelta(np.sort(dice.uniform(0, DAYS * 24, n)), unit="h")
    case = np.array([f"c{i:04}" for i in range(n)])
    slow = np.where(opened > START + pd.Timedelta(days=85), 1.8, 1.0)
    done = opened + pd.to_timedelta(slow * dice.choice([4.0, 20.0, 70.0], n) * dice.uniform(0.5, 1.4, n), unit="h")
    cases = pd.DataFrame({"case_id": case, "created_at": opened, "channel": dice.choice(["web", "phone"], n)})
    cases[cases["created_at"] <= until].to_csv(folder / "cases.csv", index=False)
    events = pd.DataFrame({"case_id": case, "at": done, "kind": "resolved"})
    more = pd.DataFrame(list(late), columns=["case_id", "at", "kind"])
    events = pd.concat([events[events["at"] <= until], more], ignore_index=True)
    events.to_csv(folder / "events.csv", index=False)
    (folder / "deskcast.toml").write_text(CONFIG + extra)


def list_tables(results):
    """Return every table of a results folder; how long something took is of the run and not of the desk."""
    found = {}
    for stage in read_results(results).stages:
        for name, frame in stage.tables.items():
            found[stage.name, name] = frame.drop(columns=[c for c in frame if "seconds" in str(c)])
    return found


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[key], check_exact=True, obj=str(key))


def test_three_nights_with_an_event_that_came_late(tmp_path, monkeypatch):
    judged, step = [], EvidencePass.step
    monkeypatch.setattr(EvidencePass, "step", lambda self, t: (judged.append(t), step(self, t))[1])
    for night in range(3):
        end = START + pd.Timedelta(days=100 + night)
        write_desk(tmp_path, end, WATCH, LATE if night == 2 else ())
        project = open_night(tmp_path / "deskcast.toml", f"{end:%Y-%m-%d %H:%M}")
        wanted = StageRun(project).compute("watch")
        judged.clear()
        with reuse_last_night(project) as store:
            found = StageRun(project).compute("watch")
        assert found.findings == wanted.findings
        assert_same(dict(found.tables), dict(wanted.tables))
        assert not store.differences
        assert store.lost == ""
        first = min(judged)
        assert first == 0 if night == 0 else first > 0
    assert first < 60  # they were created before that


@pytest.mark.slow
def test_ten_nights_are_those_of_a_desk_that_computes_everything(tmp_path):
    left = []
    for night in range(10):
        end = START + pd.Timedelta(days=98 + night)
        late = LATE if night >= 4 else ()
        extra = "[watch]\nfalse_alerts_per_week = 0.5\n" if night >= 6 else ""
        for name in ("kept", "anew"):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            write_desk(folder, end, extra, late)
            if name == "anew":
                shutil.rmtree(folder / "results-state" / "reuse", ignore_errors=True)
            outcome = run_night(folder / "deskcast.toml", night=f"{end:%Y-%m-%d %H:%M}", record_runs=False)
            assert not outcome.failures
            assert not outcome.notes
        assert_same(list_tables(tmp_path / "kept" / "results"), list_tables(tmp_path / "anew" / "results"))
        left.append({path.relative_to(tmp_path / "kept") for path in (tmp_path / "kept").rglob("*")})
    # what tables there are, and of which series, is of the desk; no other file comes or stays
    lasting = [{path for path in paths if path.suffix not in (".parquet", ".npz")} for paths in left]
    assert lasting[1] == lasting[-1]
    panels = [sum(path.suffix == ".npz" for path in paths) for paths in left]
    assert 0 < panels[-1] < 2 * panels[1]
