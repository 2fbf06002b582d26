"""A run again gives the same bytes; a run that is killed leaves the last one."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

BIN = Path(sys.executable).parent


def deskcast(*words, cwd):
    return subprocess.run([BIN / "deskcast", *words], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A small desk on which few KPIs are kept and nothing but the phone is staffed, so that a run is short."""
    from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk

    folder = tmp_path_factory.mktemp("desk")
    write_desk(simulate_desk(400, 9), folder)
    toml = (folder / "deskcast.toml").read_text()
    few = '[history]\nkpis = ["cases_opened", "backlog", "sla_attainment"]'
    head, rest = toml.replace("[history]", few).split("[staffing.chat]")
    (folder / "deskcast.toml").write_text(head + rest[rest.index("# When the list") :])
    done = deskcast("run", "--no-record", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def again(desk, tmp_path_factory):
    """The same desk run elsewhere once more from its files alone, and the seconds that it took."""
    folder = tmp_path_factory.mktemp("rerun") / "again"
    shutil.copytree(desk, folder, ignore=shutil.ignore_patterns("results", "results-state"))
    began = time.perf_counter()
    done = deskcast("run", "--no-record", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, time.perf_counter() - began


@pytest.mark.slow
def test_the_same_input_gives_the_same_tables_to_the_bit(desk, again):
    tables = sorted((desk / "results").glob("*.parquet"))
    assert len(tables) >= 12
    for path in tables:
        one, two = (pd.read_parquet(p) for p in (path, again[0] / "results" / path.name))
        if path.stem == "leaderboard":  # the seconds that a method took are of its run
            one, two = one.drop(columns="seconds"), two.drop(columns="seconds")
        pd.testing.assert_frame_equal(one, two, check_exact=True, obj=path.name)
        assert {k: v for k, v in one.attrs.items() if k != "made_at"} == {  # when it was computed is another instant
            k: v for k, v in two.attrs.items() if k != "made_at"
        }


@pytest.mark.slow
def test_killed_at_any_instant_the_last_results_stay(again, tmp_path):
    source, needed = again
    folder = tmp_path / "desk"
    shutil.copytree(source, folder)
    belongs = {p.name for p in folder.iterdir()}
    whole = {p.name for p in (folder / "results").iterdir()}
    for share in (0.4, 0.95):
        child = subprocess.Popen(
            [BIN / "deskcast", "run", "--no-record"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(needed * share)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        assert not _left(folder, belongs)
        assert {p.name for p in (folder / "results").iterdir()} == whole
        for path in (folder / "results").glob("*.parquet"):
            pd.read_parquet(path)
    assert deskcast("report", cwd=folder).returncode == 0


def _left(folder, belongs, patience=15.0):
    """Wait for the cleaner behind a killed run, then say what is there that does not belong."""
    end = time.monotonic() + patience
    while (left := {p.name for p in folder.iterdir()} - belongs) and time.monotonic() < end:
        time.sleep(0.1)
    return left
