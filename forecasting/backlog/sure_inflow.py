"""The work to plan for so that each day does what falls due in it with a chosen probability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import special

from ...features.arrays import Floats
from .casework import DeferredWork
from .work_flow import BREACH_TOLERANCE_CASES, count_due_cases, run_work

#: Steps towards the work of each day, with agents in fractions and in whole numbers, and how far each of them goes.
LOOSE_STEPS, WHOLE_STEPS, STEP_SHARE = 6, 3, 0.7
#: Most work of a day, in standard deviations above its mean; less than the mean is not planned.
MAX_SCORE = 6.0


def find_sure_inflow(
    work: DeferredWork, confidence: float, on_time: float, solve: Callable[[Floats, bool], Floats], seed: int = 0
) -> Floats:
    """Return the cases to plan for, shape (C, n), so that each day meets its deadlines with a probability.

    What a quiet day leaves idle helps no later one, and paths are high at different hours: no quantile of the work
    tells how sure a day is. So each day has its mean work times a factor of its own, which is found by letting all
    paths flow through the plan. How long single cases take is part of the chance: their times are exponential. What is
    late even with the most that would be planned (overdue soon, or too few agents allowed) is not asked for.

    Parameters
    ----------
    work
        Work by slot, over sample paths.
    confidence
        Probability with which a day is to be in time.
    on_time
        Share of the cases that fall due in a day that must be in time.
    solve
        Returns the seconds of work that a plan for some inflow can do in each slot, with whole agents or without.
    seed
        Where the chance of handle times is drawn from.

    Examples
    --------
    >>> from deskcast.features.calendars.business_calendar import BusinessCalendar
    >>> from deskcast.forecasting.backlog.casework import build_deferred_work
    >>> hours = pd.DataFrame({"ds": pd.date_range("2024-03-01", periods=3, freq="h"), "y": 40.0})
    >>> paths = pd.concat([hours.assign(path=i, y=hours["y"] + i) for i in range(-5, 6)])
    >>> work = build_deferred_work(paths, BusinessCalendar.always(), sla_s=3600, handle_s=60)
    >>> least, most = (find_sure_inflow(work, sure, 1.0, lambda cases, _: cases[0] * 60) for sure in (0.5, 0.9))
    >>> bool(120 < least.sum() < most.sum() < 170)
    True
    """
    drawn = replace(work, inflow=_draw_work(work.inflow, seed))
    of_slot = pd.factorize(work.ds.normalize())[0]
    main = int((work.handle_s * work.inflow.mean(axis=(0, 2))).argmax())
    due_day = of_slot[np.minimum(work.due[main], len(of_slot) - 1)]
    member = of_slot[:, None] == np.arange(of_slot.max() + 1)
    allowed = (1 - on_time) * count_due_cases(drawn) @ member + BREACH_TOLERANCE_CASES
    mean, goal = drawn.inflow.mean(axis=0), float(special.ndtri(confidence))
    by_day = np.einsum("c,pcn->pn", work.handle_s, drawn.inflow) @ (due_day[:, None] == np.arange(member.shape[1]))
    usual = by_day.mean(axis=0)
    spread = np.divide(by_day.std(axis=0), usual, out=np.zeros_like(usual), where=usual > 0)
    more = 1 + np.maximum(goal, 0.0) * spread
    best, least, few = mean, np.inf, 0.5 / len(by_day)
    most = solve(mean * (1 + MAX_SCORE * spread)[due_day], False)
    allowed = np.maximum(allowed, run_work(drawn, most).late @ member + BREACH_TOLERANCE_CASES)
    for step in range(LOOSE_STEPS + WHOLE_STEPS):
        inflow = mean * more[due_day]
        met = (run_work(drawn, solve(inflow, step >= LOOSE_STEPS)).late @ member <= allowed).mean(axis=0)
        off = np.where(met < confidence, 2 * (confidence - met), (met - confidence) * (more > 1))
        if step >= LOOSE_STEPS and float(off.sum()) < least:
            best, least = inflow, float(off.sum())
        seen = special.ndtri(np.clip(met, few, 1 - few))
        more = np.clip(more + STEP_SHARE * spread * (goal - seen), 1.0, 1 + MAX_SCORE * spread)
    return np.asarray(best)


def _draw_work(cases: Floats, seed: int) -> Floats:
    """Return cases of mean length that take as long as so many of exponential length."""
    rng = np.random.default_rng(seed)
    return np.where(cases > 0, rng.gamma(np.where(cases > 0, cases, 1.0)), 0.0)
