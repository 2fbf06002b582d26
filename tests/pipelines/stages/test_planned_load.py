"""Long calls in the stage: staffed for the work in each interval, with the calls of the forecast beside it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting.intraday.target_causes import explain_target
from deskcast.forecasting.queueing.offered_load import offered_load
from deskcast.forecasting.staffing.handle_time_days import HandleTimeVariation
from deskcast.forecasting.staffing.staffing_plan import plan_for_target
from deskcast.forecasting.staffing.target import QueueTarget
from deskcast.pipelines.project.specs import StaffingSpec
from deskcast.pipelines.stages.planned_load import (
    close_doors,
    planned_forecast,
    staffed_calls,
    staffed_calls_by,
    weigh_choices,
)
from deskcast.pipelines.stages.queue import read_shrinkage

DAY = np.concatenate([[0.0] * 2, 40 + 30 * np.sin(np.arange(14) / 13 * np.pi), [0.0] * 4])
AHT = 1800.0


def test_a_queue_of_long_calls_is_staffed_for_the_work_in_each_interval():
    """Through the stage's own steps: its calls stay those of the forecast, and closed hours finish what was begun."""
    ds = pd.date_range("2024-03-04", periods=len(DAY), freq="30min")
    ahead = pd.DataFrame({"unique_id": "all", "ds": ds, "deskcast": DAY})
    for level, part in ((80, 0.1), (95, 0.2)):
        ahead[f"deskcast-lo-{level}"], ahead[f"deskcast-hi-{level}"] = DAY * (1 - part), DAY * (1 + part)
    spec = StaffingSpec(aht_s=AHT, shrinkage=0.0, max_occupancy=1.0)
    queue = SimpleNamespace(
        spec=spec, ahead=ahead, handle_times=lambda slots: spec.aht_s, shrinkage=read_shrinkage(spec)
    )
    plan = plan_for_target(planned_forecast(queue), AHT, QueueTarget(max_occupancy=None), queue.shrinkage)
    found = close_doors(queue, plan)
    assert found["calls"].tolist() == DAY.tolist()
    load = offered_load(DAY, AHT)["load"].to_numpy()
    assert found["load"].tolist() == pytest.approx(load.tolist())
    closed = DAY == 0
    assert found.loc[closed, "agents"].tolist() == np.ceil(load[closed] - 1e-6).tolist()
    assert found.loc[closed, "service_level"].isna().all()
    assert set(found.loc[16:, "binding"]) == {"carried over"}
    own = SimpleNamespace(**(vars(queue) | {"spec": replace(spec, load="interval")}))
    assert planned_forecast(own) is ahead
    assert close_doors(own, plan) is plan


@pytest.mark.parametrize(("aht", "is_lagged"), [(1800.0, True), (2700.0, True), (300.0, False)])
def test_a_plan_without_any_surprise_is_reviewed_as_having_no_gap(aht, is_lagged):
    """Over two days with a night between: what came is the plan, and so is the service level of plan and review."""
    ds = pd.date_range("2024-03-04", periods=96, freq="30min")
    calls = np.tile(np.concatenate([np.zeros(16), DAY, np.zeros(12)]), 2)
    spec = StaffingSpec(aht_s=aht, shrinkage=0.0, max_occupancy=1.0)
    ahead = pd.DataFrame({"unique_id": "all", "ds": ds, "deskcast": calls})
    ahead = ahead.assign(**{f"deskcast-{side}-{level}": calls for side in ("lo", "hi") for level in (80, 95)})
    queue = SimpleNamespace(
        spec=spec, ahead=ahead, handle_times=lambda slots: spec.aht_s, shrinkage=read_shrinkage(spec)
    )
    target = QueueTarget(max_occupancy=None)
    found = close_doors(queue, plan_for_target(planned_forecast(queue), aht, target, queue.shrinkage))
    plan = found[found["calls"] > 0].reset_index(drop=True)
    rows = plan.rename(columns={"calls": "calls_planned", "aht_s": "aht_planned", "agents": "agents_planned"})
    rows = rows.assign(calls=plan["calls"], n=plan["calls"], handle_s=plan["calls"] * aht, decided=plan["calls"])
    rows["in_time"] = plan["calls"] * plan["service_level"]
    parts = explain_target(rows, target, is_lagged=is_lagged)
    assert parts["part"].abs().max() < 1e-9
    assert parts.attrs["planned"] == pytest.approx(np.average(plan["service_level"], weights=plan["calls"]))
    required = target.require(staffed_calls(queue, plan, "calls"), aht)["agents"]
    assert required.tolist() == plan["agents"].tolist()
    if is_lagged:  # by its own contacts alone the same week has a gap
        assert explain_target(rows, target)["part"].abs().max() > 0.01
    twice = pd.concat([plan.assign(issue=1), plan.assign(issue=2)], ignore_index=True).sample(frac=1, random_state=1)
    both = twice.assign(staffed=staffed_calls_by(queue, twice, "issue", "calls"))
    assert both.groupby("ds")["staffed"].nunique().eq(1).all()


def test_being_surer_costs_hours_and_takes_off_risk():
    calls = np.full(8, 60.0)
    ahead = pd.DataFrame({"unique_id": "all", "ds": pd.date_range("2024-03-04 08:00", periods=8, freq="30min")})
    for name, part in (("", 1.0), ("-lo-95", 0.6), ("-lo-80", 0.75), ("-hi-80", 1.25), ("-hi-95", 1.4)):
        ahead[f"deskcast{name}"] = calls * part
    spec = StaffingSpec(aht_s=300.0)
    queue = SimpleNamespace(
        spec=spec, ahead=ahead, handle_times=lambda slots: 300.0, handle_time_variation=HandleTimeVariation(),
        target=QueueTarget(max_occupancy=None), shrinkage=read_shrinkage(spec),
    )  # fmt: skip
    found = weigh_choices(queue)
    assert found["hours"].is_monotonic_increasing
    assert found["days_below"].is_monotonic_decreasing
    assert found["hours"].iloc[-1] > found["hours"].iloc[0]
    sure = plan_for_target(ahead, 300.0, queue.target, queue.shrinkage, confidence=0.9)
    assert found.loc[found["confidence"] == 0.9, "hours"].item() == pytest.approx(
        sure["agents_to_schedule_sure"].sum() / 2
    )
