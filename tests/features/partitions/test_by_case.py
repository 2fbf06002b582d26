"""Parts of the cases: the same bytes with 1, 2 and 7 parts, and wherever they are worked on."""

import numpy as np
import pandas as pd
import pytest

from deskcast.features import CaseLog, case_history, milestones, snapshots
from deskcast.features.cases.history import case_history_in_parts
from deskcast.features.errors import InputError
from deskcast.features.partitions import by_case
from deskcast.features.sla.milestones import milestones_in_parts
from deskcast.features.snapshots.looks import look_in_parts
from deskcast.features.snapshots.snapshots import _put_together
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk

PARTS = (1, 2, 7)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    write_desk(simulate_desk(1200), folder)
    return open_project(folder / "deskcast.toml").log


def assert_identical(one, other):
    """Hold frames against each other to the byte."""
    pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.parametrize("parts", PARTS)
def test_milestones_are_the_same_in_parts(log, parts):
    assert_identical(milestones_in_parts(log, True, parts), milestones(log, as_recorded=True))


@pytest.mark.parametrize("parts", PARTS)
def test_case_histories_are_the_same_in_parts(log, parts):
    assert_identical(case_history_in_parts(log, parts), case_history(log))


LOOKS = {
    "instants": lambda log: log.until - pd.to_timedelta([0, 1, 30], unit="D"),
    "creation": lambda log: "creation",
    "updates": lambda log: "updates",
    "pairs": lambda log: log.frame("cases").head(200).rename(columns={"created_at": "at"})[["case_id", "at"]],
}


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("way", LOOKS)
def test_snapshots_are_the_same_in_parts(log, way, parts):
    at = LOOKS[way](log)
    seen = look_in_parts(log, "resolution", at, parts)
    assert_identical(_put_together(log, seen, "resolution"), snapshots(log, at, "resolution"))
