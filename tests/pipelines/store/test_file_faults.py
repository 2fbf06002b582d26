"""Killed, or with a full disk, at each file operation: the last results whole, nothing left, answers kept."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2] / "oracles" / "file_faults.py"
#: Action -> the fields of the state that it changes, before and after; all others stay.
OLD = {"run": 1, "report": "report 1", "acknowledged": 1, "flags": 1, "issued": 2}
CHANGES = {
    "commit": {"run": 2, "report": "report 2"},
    "commit_by_renames": {"run": 2, "report": "report 2"},
    "acknowledge": {"acknowledged": 2},
    "flags": {"flags": 2},
    "issue": {"flags": 2, "issued": 4},
    "report": {"report": "report 2"},
    "record": {},
}


def outcomes(action, how, folder):
    done = subprocess.run(
        [sys.executable, HARNESS, action, how, folder], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "full"])
@pytest.mark.parametrize("action", CHANGES)
def test_struck_at_any_operation_it_leaves_the_old_or_the_new_and_nothing_else(tmp_path, action, how):
    found = outcomes(action, how, tmp_path / "desk")
    assert len(found) > 4
    states = (OLD, OLD | CHANGES[action])
    for one in found:
        assert one["left"] == [], one
        assert {name: one[name] for name in OLD} in states, one
        assert one["ended"] in (("killed", "well") if how == "kill" else ("refused", "well")), one
        if one["ended"] == "refused":
            assert {name: one[name] for name in OLD} == OLD, one
    last = found[-1]
    assert (last["before"], last["ended"]) == ("", "well")
    assert {name: last[name] for name in OLD} == states[1]
    if how == "kill":
        assert {one["ended"] for one in found[:-1]} == {"killed"}
    if action == "record":
        for one in found:
            assert one["recorded"]["FINISHED"] >= 2, one
            assert one.get("next", "well") == "well", one
            assert "RUNNING" not in one.get("then", {}), one
        assert last["recorded"] == {"FINISHED": 4}
