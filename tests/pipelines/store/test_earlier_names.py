"""Results and a state of an earlier version: they are read in the names of today, and written so again."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest
import typer
from deskcast.features.errors import InputError
from deskcast.features.renamed import RenamedWarning, new_names, renamed
from deskcast.models.shifts.ledger import build_alerts, update_alerts
from deskcast.pipelines.commands.options import one_option
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.project.state_place import StatePlace
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.state.alerts import read_alerts
from deskcast.pipelines.state.database import read_state
from deskcast.pipelines.store.incidents import read_alert_state, save_alerts
from deskcast.pipelines.store.results import (
    read_findings,
    read_result_table,
    read_results,
    replace_folder,
    table_names,
    write_stages,
)
from fastapi.testclient import TestClient

TABLES = new_names("table", "results")


def write(folder, stages):
    with replace_folder(folder) as staging:
        write_stages(stages, staging, version="0.1.0")


@pytest.fixture
def earlier(tmp_path):
    """A folder as the version before wrote it: every table that was renamed, with its old columns and values."""
    tables = {}
    for old, new in TABLES.items():
        columns = {**dict.fromkeys(new_names("column", new), 1.5), "n": 2}
        for column in ("kind", "state", "news"):
            values = list(new_names("value", f"{new}.{column}"))
            columns |= {column: values[0]} if values else {}
        tables[old] = pd.DataFrame({name: [value] for name, value in columns.items()})
    folder = tmp_path / "desk" / "results"
    write(folder, [Stage("watch", tables, ("It rose.",), {}, {"incidents": 3.0, "open": 1.0})])
    return folder


def test_every_table_is_read_in_the_names_of_today(earlier):
    assert table_names(earlier) == list(TABLES.values())
    with pytest.warns(RenamedWarning, match="of an earlier version") as notes:
        stage = read_results(earlier).stages[0]
    assert len({str(n.message) for n in notes}) == 1  # one note for the folder
    assert list(stage.tables) == list(TABLES.values())
    assert stage.metrics == {"kpi_alerts": 3.0, "open": 1.0}
    for old, new in TABLES.items():
        names = new_names("column", new)
        assert set(names.values()) <= set(stage.tables[new])
        assert not set(names) & set(stage.tables[new])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pd.testing.assert_frame_equal(read_result_table(earlier, old), stage.tables[new])
            pd.testing.assert_frame_equal(read_result_table(earlier, new), stage.tables[new])
    assert stage.tables["kpi_alerts"].loc[0, ["kind", "state", "news"]].tolist() == [
        "level_shift",
        "cancelled",
        "cancelled",
    ]


def test_what_is_written_again_has_the_new_names(earlier):
    with pytest.warns(RenamedWarning):
        stages = read_results(earlier).stages
    write(earlier, stages)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = read_results(earlier).stages[0]
    assert {p.stem for p in earlier.resolve().glob("*.parquet")} == set(TABLES.values())
    pd.testing.assert_frame_equal(again.tables["kpi_alerts"], stages[0].tables["kpi_alerts"])
    with pytest.raises(InputError, match="unknown result table 'incident'"):
        read_result_table(earlier, "incident")


@pytest.mark.filterwarnings("ignore::deskcast.features.renamed.RenamedWarning")
def test_old_addresses_of_the_page_answer_with_the_new_table(earlier):
    client = TestClient(make_app(earlier))
    old, new = (client.get(f"/api/tables/{name}").json()["rows"] for name in ("incidents", "kpi_alerts"))
    assert old == new
    assert old[0]["alert_id"] == 1.5
    assert client.get("/tables/refused.csv").text == client.get("/tables/rejected_rows.csv").text
    assert client.get("/tables/refused").status_code == 200
    assert client.get("/api/findings").json() == json.loads(json.dumps(read_findings(earlier)))


def detections():
    day = pd.Timestamp("2024-03-01")
    row = {"kpi": "backlog", "series": "all", "kind": "level_shift", "direction": "up", "started_at": day}
    row |= {"detected_at": day, "last_at": day, "before": 1.0, "after": 2.0, "n": 9.0, "z": 5.0, "drivers": ""}
    return pd.DataFrame([row | {"resolved": False, "changed_at": day, "impact": 30.0}])


def as_before(content):
    """Write a state as the version before did."""
    columns = {new: old for old, new in new_names("column", "kpi_alerts").items()}
    values = {r.new: r.old for r in renamed() if r.where.startswith("kpi_alerts.")}
    rows = [{columns.get(k, k): values.get(v, v) for k, v in row.items()} for row in content.pop("alerts")]
    found = content.pop("detections")
    return content | {"format": "deskcast incidents 1", "incidents": rows, "alarms": found}


def test_an_earlier_state_goes_on_without_news(tmp_path):
    results, now = tmp_path / "results", pd.Timestamp("2024-03-02")
    found = detections()
    alerts = update_alerts(None, build_alerts(found), now)
    found = found.assign(alert_id=alerts["alert_id"])
    assert save_alerts(results, alerts, found, now)
    wanted = read_alert_state(results)
    with read_state(results) as connection:
        content = read_alerts(connection)
    StatePlace(results).file.unlink()
    old = StatePlace(results).folder / "incidents.json"
    old.write_text(json.dumps(as_before(content)))
    assert '"kind": "shift"' in old.read_text()
    state = read_alert_state(results)
    pd.testing.assert_frame_equal(state.ledger, wanted.ledger)
    assert (state.alarms, state.as_of) == (wanted.alarms, wanted.as_of)
    later = update_alerts(state.ledger, build_alerts(detections()), now + pd.Timedelta(days=1))
    assert later["news"].tolist() == [""]  # nothing is told twice because of a name
    assert save_alerts(results, later, found, now + pd.Timedelta(days=1))
    assert read_alert_state(results).as_of == now + pd.Timedelta(days=1)  # the file is read in once
    assert sorted(p.name for p in old.parent.iterdir()) == ["incidents.json.read-in", "state.db"]


def test_an_old_option_is_taken_and_not_both():
    with pytest.warns(RenamedWarning, match="'--budget' is now '--cases-per-day'"):
        assert one_option("deskcast risk", "--budget", 3, None) == 3
    assert one_option("deskcast risk", "--budget", None, 4) == 4
    with pytest.raises(typer.BadParameter, match="--budget and --cases-per-day are the same"):
        one_option("deskcast risk", "--budget", 3, 4)


def test_the_command_line_notes_an_old_key_once_and_only_on_stderr(earlier):
    desk = earlier.parent
    (desk / "cases.csv").write_text("case_id,created_at\n1,2024-03-01 09:00\n")
    (desk / "deskcast.toml").write_text('[source.cases]\npath = "cases.csv"\n[risk]\nbudget = 7\n')
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])}
    code = "from deskcast.pipelines.commands.cli import main; main()"
    call = [sys.executable, "-c", code, "history", "--list", "--json"]
    done = subprocess.run(call, cwd=desk, capture_output=True, text=True, env=here, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stage"] == "history"
    note = "deskcast: warning: deskcast.toml [risk]: 'budget' is now 'cases_per_day' (the old name works until 0.3)\n"
    assert done.stderr == note
