"""A night with results, state, record and models is struck at its operations: nothing is half there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2] / "oracles" / "run_faults.py"
#: Before and after a night, in the order in which it changes them.
OLD = {"run": 1, "report": "report 1", "issued": 2, "decisions": 2}
NEW = {"run": 2, "report": "report 2", "issued": 4, "decisions": 4}
EVERY = 53


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "full"])
def test_a_night_struck_anywhere_leaves_whole_results_no_half_decision_and_both_stores_sound(tmp_path, how):
    done = subprocess.run(
        [sys.executable, HARNESS, how, tmp_path / "desk", str(EVERY)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) > 3
    for one in found:
        state = {name: one[name] for name in OLD}
        assert all(state[name] in (OLD[name], NEW[name]) for name in OLD), one
        new = [name for name in OLD if state[name] == NEW[name]]
        assert new == list(OLD)[: len(new)], one  # issued only of results that are there, decided only after that
        assert one["broken"] == [], one
        assert one["left"] == [], one
        assert one["used"] == {"breach-resolution": "2" if state["decisions"] == 4 else "1", "volume": "1"}, one
        if "next" in one:
            assert one["next"] == "well", one
            assert one["then"]["decisions"] >= 4, one
            assert one["then"]["broken"] == [], one
    assert (found[-1]["before"], found[-1]["ended"]) == ("", "well")
    assert {name: found[-1][name] for name in OLD} == NEW
    ends = {one["ended"] for one in found[:-1]}
    assert ends == ({"killed"} if how == "kill" else {"refused"})
