"""Why deferred work was late: the parts of new cases, backlog, agents, productivity and chance in its breaches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ..backlog.casework import DeferredWork
from ..backlog.work_flow import run_work
from .target_causes import find_part, share_out

#: What can move the breaches of a plan; chance is the rest.
BREACH_CAUSES = ("volume", "backlog", "agents present", "productivity", "chance")
#: Draws of the chance of counts that intervals rest on.
COUNT_DRAWS = 60
#: Productivity is looked for within these bounds of the time that a case takes, as factors of the plan's.
MIN_FACTOR, MAX_FACTOR = 0.25, 4.0
#: Cases done that are off by less, as a share, are those of the plan's productivity.
MIN_PRODUCTIVITY_GAP = 0.03
_STEPS = 20


@dataclass(frozen=True)
class WorkSide:
    """Deferred work as it was planned or as it was: its flow, and the seconds of work that agents have for it.

    Attributes
    ----------
    work
        Cases that come and wait; several paths where they are a forecast.
    capacity
        Seconds by slot.
    """

    work: DeferredWork
    capacity: Floats


def explain_breaches(
    planned: WorkSide, actual: WorkSide, observed: float, factor: float = 1.0, level: float = 80, seed: int = 0
) -> pd.DataFrame:
    """Split the difference between observed and planned breaches into parts that add up to it.

    The flow of work is recomputed with new cases, backlog at the start, agents and productivity exchanged for what they
    were, in every order; the part of a cause is the mean of what its exchange changes (Shapley). What is left between
    the recomputed and the observed breaches is chance, and whatever the flow does not know, such as cases that wait for
    others.

    Parameters
    ----------
    planned, actual
        The same slots and classes. Planned breaches are the mean over the paths of the plan.
    observed
        Cases whose SLA broke in these slots.
    factor
        Time that a case took, as a factor of the plan's; see :func:`find_productivity`.
    level, seed
        Of the intervals, which draw the new cases anew: as many by day as there were, each interval by chance.

    Returns
    -------
    One row a cause, the largest part in the direction of the difference first: ``cause``, ``part``, ``part-lo``,
    ``part-hi`` (cases) and ``share`` (of the difference; missing where parts have both signs). ``attrs``: ``planned``,
    ``recomputed`` and ``observed`` breaches; ``observed - planned`` is the sum of the parts.

    Notes
    -----
    L. S. Shapley, A value for n-person games (1953).

    Examples
    --------
    >>> from deskcast.features.calendars.business_calendar import BusinessCalendar
    >>> from deskcast.forecasting.backlog.casework import build_deferred_work
    >>> hours = pd.DataFrame({"ds": pd.date_range("2024-03-04", periods=4, freq="h"), "y": [2.0, 2.0, 2.0, 2.0]})
    >>> rules = {"calendar": BusinessCalendar.always(), "sla_s": 3600, "handle_s": 1800}
    >>> calm, busy = (build_deferred_work(hours.assign(y=hours["y"] * k), **rules) for k in (1, 2))
    >>> time = np.full(4, 3600.0)
    >>> found = explain_breaches(WorkSide(calm, time), WorkSide(busy, time), observed=14.0)
    >>> found["cause"].iloc[0], float(found["part"].iloc[0]), found.attrs["planned"], found.attrs["recomputed"]
    ('volume', 14.0, 0.0, 14.0)
    """
    draws = replace(actual.work, inflow=_draw_counts(planned.work, actual.work, seed))
    causes = [
        name
        for name, differs in (
            ("volume", True),
            ("backlog", not planned.work.old.equals(actual.work.old)),
            ("agents present", not np.array_equal(planned.capacity, actual.capacity)),
            ("productivity", factor != 1.0),
        )
        if differs
    ]
    values: dict[frozenset[str], Floats] = {}
    for size in range(len(causes) + 1):
        for chosen in combinations(causes, size):
            flow = draws if "volume" in chosen else planned.work
            flow = replace(flow, old=(actual if "backlog" in chosen else planned).work.old)
            seconds = (actual if "agents present" in chosen else planned).capacity
            late = run_work(flow, seconds / (factor if "productivity" in chosen else 1.0)).late.sum(axis=1)
            values[frozenset(chosen)] = late if "volume" in chosen else np.full(1 + COUNT_DRAWS, late.mean())
    parts = {cause: find_part(values, cause, causes) for cause in causes}
    parts["chance"] = observed - values[frozenset(causes)]
    tail = 50 - level / 2
    found = pd.DataFrame(
        [(cause, part[0], *np.percentile(part[1:], [tail, 100 - tail])) for cause, part in parts.items()],
        columns=["cause", "part", "part-lo", "part-hi"],
    )
    found["share"] = share_out(found["part"].to_numpy(), least=0.5)
    expected = float(values[frozenset()][0])
    direction = 1.0 if observed >= expected else -1.0
    found = found.iloc[np.argsort(-direction * found["part"].to_numpy(), kind="stable")].reset_index(drop=True)
    found.attrs |= {"planned": expected, "observed": float(observed)}
    found.attrs["recomputed"] = float(values[frozenset(causes)][0])
    return found


def _draw_counts(planned: DeferredWork, actual: DeferredWork, seed: int) -> Floats:
    """Return the cases that came, and draws of as many by day and class whose intervals are those of chance."""
    came = actual.inflow[:1]
    shape = planned.inflow.mean(axis=0)
    day = pd.factorize(actual.ds.normalize())[0]
    rates = np.zeros_like(came[0])
    for one in np.unique(day):
        inside = day == one
        whole = shape[:, inside].sum(axis=1, keepdims=True)
        total = came[0][:, inside].sum(axis=1, keepdims=True)
        rates[:, inside] = np.where(
            whole > 0, shape[:, inside] * total / np.where(whole > 0, whole, 1.0), came[0][:, inside]
        )
    drawn = np.random.default_rng(seed).poisson(rates, (COUNT_DRAWS, *rates.shape))
    return np.concatenate([came, drawn.astype(float)])


def find_productivity(actual: WorkSide, done: float) -> float:
    """Return the time that a case took as a factor of the plan's: with it, as many cases are done as were.

    It is 1 where as many are done by the plan's time, or where no time explains what was done.

    Parameters
    ----------
    actual
        What came, waited, and who was there.
    done
        Cases that were done in these slots.

    Examples
    --------
    >>> from deskcast.features.calendars.business_calendar import BusinessCalendar
    >>> from deskcast.forecasting.backlog.casework import build_deferred_work
    >>> hours = pd.DataFrame({"ds": pd.date_range("2024-03-04", periods=4, freq="h"), "y": [8.0, 8.0, 8.0, 8.0]})
    >>> work = build_deferred_work(hours, BusinessCalendar.always(), sla_s=3600, handle_s=900)
    >>> side = WorkSide(work, np.full(4, 3600.0))
    >>> round(find_productivity(side, 16.0), 2), round(find_productivity(side, 8.0), 2)
    (1.0, 2.0)
    """
    flow = replace(actual.work, inflow=actual.work.inflow[:1])

    def worked(factor: float) -> float:
        return float(run_work(flow, actual.capacity / factor).worked.sum())

    if done <= 0 or abs(worked(1.0) - done) <= MIN_PRODUCTIVITY_GAP * done:
        return 1.0
    low, high = (1.0, MAX_FACTOR) if worked(1.0) > done else (MIN_FACTOR, 1.0)
    if not worked(high) <= done <= worked(low):
        return 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if worked(middle) > done else (low, middle)
    return (low + high) / 2
