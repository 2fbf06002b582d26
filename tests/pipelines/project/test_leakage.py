"""Nothing of the future reaches the list of cases at risk, from the file to the command's answer."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.config import load_config

BIN = Path(sys.executable).parent
#: These columns carry the last value of the case on every row of the export.
LEAKAGE = ["resolved_at", "closed_at", "closed_code", "resolved_by"]


def risks(folder, *words):
    done = subprocess.run(
        [BIN / "deskcast", "risk", "--json", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def project_of(folder, frame, like=None, until=None):
    folder.mkdir()
    frame.to_csv(folder / "log.csv", index=False)
    if like is None:
        write_config([folder / "log.csv"], folder)
    else:
        text = (like / "deskcast.toml").read_text()
        now = load_config(like / "deskcast.toml").sources[0].until
        (folder / "deskcast.toml").write_text(text.replace(f'until = "{now}"', f'until = "{until or now}"'))
    return folder


@pytest.mark.slow
def test_the_columns_that_give_the_end_away_change_nothing(shared_data, tmp_path):
    source = shared_data("servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz")
    log = pd.read_csv(source, dtype=str, keep_default_na=False)
    log = log[log["number"].isin(log["number"].drop_duplicates().iloc[-2500:])]
    whole = project_of(tmp_path / "whole", log)
    masked = project_of(tmp_path / "masked", log.assign(**dict.fromkeys(LEAKAGE, "?")), like=whole)
    first, second = risks(whole), risks(masked)
    assert len(first["tables"]["risk"]) >= 20
    assert {**first, "made_at": ""} == {**second, "made_at": ""}


@pytest.mark.slow
def test_the_list_as_of_then_is_that_of_the_file_cut_then(shared_data, tmp_path):
    log = pd.read_csv(shared_data("helpdesk_italy/helpdesk.csv.gz"), dtype=str, keep_default_na=False)
    whole = project_of(tmp_path / "whole", log)
    then = "2012-06-13"
    known = pd.to_datetime(log["timestamp"], utc=True) < pd.Timestamp(then, tz="Europe/Athens")
    cut = project_of(tmp_path / "cut", log[known], like=whole, until=then)
    first, second = risks(whole, "--as-of", then), risks(cut)
    assert len(first["tables"]["risk"]) >= 20
    assert first["tables"] == second["tables"]
