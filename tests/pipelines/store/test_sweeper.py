"""What a killed process leaves is swept by the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from deskcast.pipelines.store.results import read_results
from written_results import becomes, write


@pytest.mark.parametrize("where", ["", "mine/"])
def test_what_a_killed_process_wrote_aside_is_not_carried_from_results_to_results(tmp_path, where):
    folder = tmp_path / "results"
    write(folder, 1)
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    place = folder / where
    place.mkdir(exist_ok=True)
    (place / f".report.html.{int(dead.stdout)}.part").write_text("half")
    living = place / f".report.html.{os.getppid()}.part"
    living.write_text("of another, who will rename it")
    (place / "notes.part").write_text("somebody's own")
    write(folder, 2)
    assert sorted(p.name for p in place.iterdir() if p.suffix == ".part") == [living.name, "notes.part"]


def test_a_report_that_is_killed_leaves_nothing_beside_it(tmp_path):
    write(tmp_path / "results", 1)
    script = (
        "import sys, time; from pathlib import Path; from deskcast.pipelines.store.atomic_replace import replace_file\n"
        "with replace_file(Path(sys.argv[1])) as aside:\n"
        "    aside.write_text('half'); print('now', flush=True); time.sleep(60)"
    )
    report = tmp_path / "results" / "report.html"
    with subprocess.Popen(
        [sys.executable, "-c", script, report], stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        child.stdout.readline()
        assert [p for p in report.parent.iterdir() if p.suffix == ".part"]
        os.killpg(child.pid, signal.SIGKILL)
    assert becomes(lambda: not [p for p in report.parent.iterdir() if p.suffix == ".part"])
    assert read_results(tmp_path / "results").findings == {"history": ("run 1",)}
