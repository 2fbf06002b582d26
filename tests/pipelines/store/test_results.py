"""The results folder: whole or absent, whatever happens to the writer."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store import atomic_replace as swap
from deskcast.pipelines.store.results import (
    read_findings,
    read_result_table,
    read_results,
    replace_folder,
    table_names,
    write_stages,
)
from written_results import becomes, one, write

WRITER = """
import sys
from pathlib import Path
import pandas as pd
from deskcast.pipelines.store import atomic_replace as swap
from deskcast.pipelines.store.results import write_stages, replace_folder
from deskcast.pipelines.stage import Stage
if "two-renames" in sys.argv:
    swap.exchange = lambda one, other: False
for run in range(int(sys.argv[2]), 10**9):
    with replace_folder(Path(sys.argv[1])) as staging:
        tables = {f"t{i}": pd.DataFrame({"run": [run] * 2000}) for i in range(4)}
        write_stages([Stage("history", tables, (f"run {run}",))], staging, version="0")
    print(run, flush=True)
"""


def alone(folder):
    return sorted(p.name for p in folder.parent.iterdir()) == [folder.name]


def start(folder, run, *more):
    command = [sys.executable, "-c", WRITER, str(folder), str(run), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("mode", ["exchange", "two-renames"])
def test_killed_at_any_instant_the_last_results_stay_readable_and_nothing_remains(tmp_path, mode):
    folder, last = tmp_path / "results", 0
    dice = random.Random(3)
    for _ in range(9 if mode == "exchange" else 6):
        child = start(folder, last + 1, mode)
        said = int(child.stdout.readline())
        time.sleep(dice.random() * 0.15)
        os.kill(child.pid, signal.SIGKILL)
        rest = child.communicate()[0].split()
        said = int(rest[-1]) if rest else said
        results = read_results(folder)
        runs = {int(v) for table in results.tables.values() for v in table["run"].unique()}
        assert len(results.tables) == 4
        assert len(runs) == 1
        assert runs.pop() - said in (0, 1)  # the process may die between the exchange and saying so
        assert results.findings == {"history": (f"run {results.tables['t0']['run'].iloc[0]}",)}
        assert becomes(lambda: alone(folder)), sorted(p.name for p in tmp_path.iterdir())
        last = said


def test_killed_in_the_first_run_nothing_at_all_remains(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from deskcast.pipelines.store.results import replace_folder\n"
        "with replace_folder(Path(sys.argv[1])) as staging:\n"
        "    (staging / 'half').write_text('x'); print('now', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "results")]
    # The whole group of processes is killed: the one that cleans up must not be in it.
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    child.stdout.readline()
    assert list(tmp_path.iterdir())
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert becomes(lambda: not list(tmp_path.iterdir()))
    child.stdout.close()


def test_readers_never_see_a_mixture_while_runs_follow_each_other(tmp_path):
    folder = tmp_path / "results"
    child = start(folder, 1)
    child.stdout.readline()
    seen = set()
    try:
        for number in range(2000):
            if number >= 60 and len(seen) > 1:
                break
            runs = {int(v) for table in read_results(folder).tables.values() for v in table["run"].unique()}
            assert len(runs) == 1
            seen |= runs
            assert len(read_result_table(folder, "t3")) == 2000
    finally:
        child.kill()
        child.communicate()
    assert len(seen) > 1


def test_two_runs_at_once_the_second_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(swap, "RETRY_TIMEOUT_S", 0.1)
    folder = tmp_path / "results"
    write(folder, 1)
    with replace_folder(folder) as staging:
        (staging / "begun").write_text("x")
        with pytest.raises(InputError, match="another run is writing here"), replace_folder(folder):
            pass
        assert (staging / "begun").exists()
        write_stages(one(2), staging, version="0")
    assert read_results(folder).findings == {"history": ("run 2",)}
    assert alone(folder)


def test_two_threads_in_turn_leave_one_whole_result(tmp_path):
    folder, told = tmp_path / "results", []

    def again(run):
        try:
            write(folder, run)
        except InputError as error:
            told.append(str(error))

    threads = [threading.Thread(target=again, args=(run,)) for run in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("another run is writing here" in message for message in told)
    assert len(read_result_table(folder, "t")) == 1
    assert alone(folder)


def test_the_next_writer_waits_until_a_first_result_is_released(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    freed, asked = threading.Event(), []
    original = swap._commit

    def commit(staging, target, previous):
        original(staging, target, previous)
        if not asked:  # the name of the staging folder is free, the lock is still held
            asked.append(threading.Thread(target=lambda: (write(folder, 2), freed.set())))
            asked[0].start()
            time.sleep(0.3)
            assert not freed.is_set()

    monkeypatch.setattr(swap, "_commit", commit)
    write(folder, 1)
    asked[0].join()
    assert freed.is_set()
    assert read_results(folder).findings == {"history": ("run 2",)}
    assert alone(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_worker_that_lives_on_does_not_hold_the_folder(tmp_path):
    from multiprocessing import get_context

    workers = get_context("fork")
    with replace_folder(tmp_path / "results") as staging:
        write_stages(one(1), staging, version="0")
        worker = workers.Process(target=time.sleep, args=(30,), daemon=True)
        worker.start()
    try:
        write(tmp_path / "results", 2)
        assert worker.is_alive()
    finally:
        worker.kill()
        worker.join()
    assert read_results(tmp_path / "results").findings == {"history": ("run 2",)}


def test_an_error_in_the_run_leaves_the_old_results(tmp_path):
    folder = tmp_path / "results"
    write(folder, 1)

    def fails():
        with replace_folder(folder) as staging:
            write_stages(one(2), staging, version="0")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fails()
    assert read_results(folder).findings == {"history": ("run 1",)}
    assert alone(folder)


def test_an_error_in_the_first_run_leaves_no_folders_behind(tmp_path):
    with pytest.raises(RuntimeError), replace_folder(tmp_path / "deep" / "er" / "results"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_stale_staging_of_a_dead_process_is_swept_at_the_next_start(tmp_path):
    folder = tmp_path / "results"
    write(folder, 1)
    staging, previous = swap._aside(folder)
    (staging / "deep").mkdir(parents=True)
    (staging / "deep" / "half").write_text("x")
    previous.mkdir()
    write(folder, 2)
    assert alone(folder)
    assert table_names(folder) == ["t"]


def test_between_two_renames_the_results_are_read_from_their_second_name(tmp_path):
    folder = tmp_path / "results"
    write(folder, 1)
    previous = swap._aside(folder)[1]
    folder.rename(previous)
    assert read_results(folder).findings == {"history": ("run 1",)}
    with pytest.raises(RuntimeError), replace_folder(folder):
        raise RuntimeError
    assert read_results(folder).findings == {"history": ("run 1",)}
    assert alone(folder)


def test_a_full_disk_is_named_and_changes_nothing(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    write(folder, 1)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(InputError, match="the disk is full"):
        write(folder, 2)
    monkeypatch.undo()
    assert read_results(folder).findings == {"history": ("run 1",)}
    assert alone(folder)


def test_a_small_disk_that_fills_up(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        folder = disk / "results"
        write(folder, 1)
        big = pd.DataFrame({"x": np.random.default_rng(0).random(500_000)})
        with pytest.raises(InputError, match="the disk is full"):
            write(folder, 2, big=big)
        assert read_results(folder).findings == {"history": ("run 1",)}
        assert alone(folder)
        with pytest.raises(InputError, match="mount point"):
            write(disk, 3)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_places_that_cannot_be_written_are_named_before_any_work(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    worked = []
    for place in (file, file / "results", file / "deep" / "results"):
        with pytest.raises(InputError, match="not a folder but a file"), replace_folder(place):
            worked.append(place)
    with (
        pytest.raises(InputError, match=r"nothing can be written|cannot be made"),
        replace_folder("/proc/deskcast/results"),
    ):
        worked.append("/proc")
    assert not worked
    assert file.read_text() == "mine"


def test_a_folder_without_the_right_to_write(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="nothing can be written"), replace_folder(tmp_path / "results"):
        pass
    tmp_path.chmod(0o700)


def test_a_folder_of_somebody_else_is_never_replaced(tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("mine")
    for marker in (None, "not json", json.dumps({"format": "another"})):
        if marker:
            (folder / "findings.json").write_text(marker)
        with pytest.raises(InputError, match="not results of deskcast"):
            write(folder)
        assert (folder / "chapter.txt").read_text() == "mine"


def test_files_that_somebody_put_among_results_are_taken_over(tmp_path):
    folder = tmp_path / "results"
    write(folder, 1, t=pd.DataFrame({"run": [1]}), gone=pd.DataFrame({"run": [1]}))
    (folder / "notes").mkdir()
    (folder / "notes" / "monday.txt").write_text("mine")
    write(folder, 2)
    assert (folder / "notes" / "monday.txt").read_text() == "mine"
    assert not (folder / "gone.parquet").exists()
    write(folder, 3)
    assert (folder / "notes" / "monday.txt").read_text() == "mine"


def test_a_link_to_a_folder_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "real")
    write(tmp_path / "results", 1)
    assert (tmp_path / "results").is_symlink()
    assert read_results(tmp_path / "real").findings == {"history": ("run 1",)}


def test_a_stage_comes_back_as_it_was(tmp_path):
    table = pd.DataFrame(
        {
            "case_id": pd.Series(["a", None], dtype="str"),
            "due_at": pd.to_datetime(["2024-03-01T09:00Z", None], utc=True).as_unit("us"),
            "ds": pd.to_datetime(["2024-03-01", "2024-03-02"]).as_unit("us"),
            "label": pd.array([True, None], dtype="boolean"),
            "left_s": [1.5, np.nan],
        }
    )
    stage = Stage("risk", {"risk": table}, ("ä <b>",), {"k": 1, "x": (1, 2)}, {"auc": 0.8, "none": np.nan}, "no", 1.25)
    with replace_folder(tmp_path / "r") as staging:
        write_stages([stage, Stage("watch", skipped="too short")], staging, version="9", fingerprint="f")
    results = read_results(tmp_path / "r")
    back = results.stages[0]
    pd.testing.assert_frame_equal(back.tables["risk"], table)
    assert (back.findings, back.params, back.skipped, back.seconds) == (("ä <b>",), {"k": 1, "x": [1, 2]}, "no", 1.25)
    assert back.metrics["auc"] == 0.8
    assert np.isnan(back.metrics["none"])
    assert (results.version, results.fingerprint, results.stages[1].skipped) == ("9", "f", "too short")
    assert results.made_at.tzinfo is not None
    assert read_results(tmp_path / "r", tables=False).tables == {}
    assert read_findings(tmp_path / "r")["version"] == "9"


def test_columns_of_mixed_kinds_are_written_as_text(tmp_path):
    write(tmp_path / "r", 1, t=pd.DataFrame({"answer": [1, "two", None]}))
    assert read_result_table(tmp_path / "r", "t")["answer"].tolist()[:2] == ["1", "two"]


def test_notes_on_a_table_are_not_written(tmp_path):
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["since"] = pd.Timestamp("2024-01-01")
    write(tmp_path / "r", 1, t=frame)
    assert read_result_table(tmp_path / "r", "t").attrs == {}
    assert frame.attrs


def test_tables_have_names_that_can_be_files_and_come_once(tmp_path):
    for name in ("../x", "Über", "a b", ""):
        with pytest.raises(InputError, match="cannot name a table"):
            write(tmp_path / "r", 1, **{name: pd.DataFrame({"a": [1]})})
    twice = [Stage(s, {"t": pd.DataFrame({"a": [1]})}) for s in ("risk", "watch")]
    with pytest.raises(InputError, match="two stages"), replace_folder(tmp_path / "r") as staging:
        write_stages(twice, staging, version="0")


def test_what_is_not_there_is_said_with_a_hint(tmp_path):
    with pytest.raises(InputError, match="run 'deskcast run' first"):
        read_results(tmp_path / "nothing")
    write(tmp_path / "r", 1)
    with pytest.raises(InputError, match="unknown result table 'T'"):
        read_result_table(tmp_path / "r", "T")
    (tmp_path / "r" / "t.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(InputError, match="cannot be read"):
        read_results(tmp_path / "r")
    (tmp_path / "r" / "t.parquet").unlink()
    with pytest.raises(InputError, match=r"t\.parquet is missing"):
        read_results(tmp_path / "r")
    (tmp_path / "r" / "findings.json").write_text("{}")
    with pytest.raises(InputError, match="not one that deskcast wrote"):
        read_results(tmp_path / "r")
