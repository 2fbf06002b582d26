"""The goal that was moved and the advice on the leaver of the demo, against what is true of them."""

from dataclasses import replace

import pandas as pd
import pytest
from deskcast.models.shifts.advice import suggest_advice
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stages.goal_periods import goals_stage
from deskcast.pipelines.stages.watch_advice import advice_rules


@pytest.fixture(scope="module")
def desk():
    return simulate_desk(1500, seed=3)


@pytest.fixture(scope="module")
def project(desk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    write_desk(desk, folder)
    return open_project(folder / "deskcast.toml")


def test_the_goal_that_was_moved_is_found_with_its_day(desk, project):
    [truth] = desk.truth["goals_moved"]
    goals = tuple(goal for goal in project.config.goals if goal.name == truth["name"])
    only = replace(project, config=replace(project.config, goals=goals))
    past = goals_stage(only).tables["goal_periods"]
    before = past["start"] < pd.Timestamp(truth["valid_from"])
    assert set(past["kpi"]) == {truth["kpi"]}
    assert set(past.loc[before, "target"]) == {truth["from"]}
    assert set(past.loc[~before, "target"]) == {truth["to"]}
    assert past.loc[past["moved_on"].notna(), ["target_before", "moved_on"]].to_numpy().tolist() == [
        [truth["from"], pd.Timestamp(truth["valid_from"])]
    ]


def test_the_advice_on_the_leaver_is_that_of_the_desk_before_the_default(desk, project):
    [truth] = desk.truth["advice"]
    [(column, value)] = truth["segment"].items()
    alert = {"alert_id": "a", "kpi": "csat", "kind": "level_shift", "direction": "down", "drivers": "", "state": "new"}
    segments = {"a": f"{column} {value}", "b": f"channel web, {column} {value}", "c": "channel web"}
    alerts = [alert | {"alert_id": name, "series": series, "causes": "x has not worked since Sun 17 Aug 2025"}
              for name, series in segments.items()]  # fmt: skip
    found = suggest_advice(pd.DataFrame(alerts), advice_rules(project.config))
    first = found[found["place"] == 1].set_index("alert_id")["do"]
    assert (first == truth["do"]).to_dict() == {"a": True, "b": True, "c": False}
