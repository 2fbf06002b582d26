"""Queues and groups with skills, simulated: what a plan does to each queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from ...features.errors import InputError
from ..arguments import check_number, check_numbers
from .queue import SERVED, Agent, simulate_queue

#: Share of the run that is left out: the queues start empty.
WARM_UP_SHARE = 0.05


def simulate_skills(
    queues: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    people: Mapping[str, int],
    *,
    interval: float = 1800,
    threshold: float = 20,
    patience: float | None = None,
    calls: int = 20_000,
    batches: int = 20,
    level: float = 99,
    seed: int = 0,
) -> pd.DataFrame:
    """Simulate queues with groups of skilled agents at a steady rate, and say how each queue fares.

    A call goes to the free agent with the fewest skills; a free agent takes the call that has waited longest.

    Parameters
    ----------
    queues
        ``queue``, ``calls`` (in the interval; Poisson), ``aht_s`` (seconds; exponential).
    groups, people
        Group -> the queues that it serves; group -> how many people, from 0.
    interval, threshold, patience
        As in :func:`queue_performance`.
    calls
        Calls in the run, of all queues.
    batches, level
        The interval comes from so many batches of the run; its level in per cent.
    seed
        Same seed, same result.

    Returns
    -------
    DataFrame
        One row a queue: ``queue``, ``calls`` (simulated, without the warm-up), ``service_level``, ``lo``, ``hi``,
        ``mean_wait`` (s, until answered, given up or the end), ``abandonment``. NaN for a queue without calls.

    Examples
    --------
    >>> one = pd.DataFrame({"queue": ["phone"], "calls": [100], "aht_s": [180]})
    >>> seen = simulate_skills(one, {"all": ["phone"]}, {"all": 14}, calls=40_000).iloc[0]
    >>> bool(seen["lo"] < 0.8884 < seen["hi"])  # Erlang C
    True
    """
    names = queues["queue"].astype("str").tolist()
    rate = check_numbers("calls", queues["calls"].to_numpy(), least=0) / check_number("interval", interval, above=0)
    handle = check_numbers("aht_s", queues["aht_s"].to_numpy(), above=0)
    count = int(check_numbers("argument calls", calls, least=1))
    if rate.sum() <= 0:
        raise InputError("missing calls", where="argument 'queues'", column="calls", code="queue.empty")
    crew = _crew(groups, people, names)
    rng = np.random.default_rng(seed)
    at = rng.exponential(1 / rate.sum(), count).cumsum()
    kind = rng.choice(len(names), count, p=rate / rate.sum())
    gives_up = None if patience is None else rng.exponential(check_number("patience", patience, above=0), count)
    run = simulate_queue(at, rng.exponential(handle[kind]), crew, skill=kind, patience=gives_up)
    served = run.outcome == SERVED
    wait = np.where(served, run.start, np.where(np.isnan(run.end), at[-1], run.end)) - run.arrived
    good, late = served & (wait <= threshold), at >= WARM_UP_SHARE * at[-1]
    batch = np.minimum((np.arange(count) - int(np.argmax(late))) * batches // max(int(late.sum()), 1), batches - 1)
    rows = []
    for q in range(len(names)):
        mine = late & (kind == q)
        low, high = _batch_interval(good[mine], batch[mine], level)
        some = bool(mine.any())
        rows.append(
            {
                "queue": names[q],
                "calls": int(mine.sum()),
                "service_level": float(good[mine].mean()) if some else np.nan,
                "lo": low,
                "hi": high,
                "mean_wait": float(np.maximum(wait[mine], 0).mean()) if some else np.nan,
                "abandonment": float((run.outcome[mine] == 1).mean()) if some else np.nan,
            }
        )
    return pd.DataFrame(rows).astype({"queue": "str"})


def _crew(groups: Mapping[str, Sequence[str]], people: Mapping[str, int], names: list[str]) -> list[Agent]:
    crew = []
    for group, skills in groups.items():
        if group not in people:
            raise InputError("a group has no value", where="argument 'people'", got=group, code="value.missing")
        size = int(check_numbers(f"people[{group!r}]", people[group], least=0))
        crew += [Agent(tuple(names.index(s) for s in skills), ((0.0, np.inf),))] * size
    return crew


def _batch_interval(good: np.ndarray, batch: np.ndarray, level: float) -> tuple[float, float]:
    """Return an interval for a share from the means of batches, which hardly depend on each other."""
    kinds = np.unique(batch)
    if len(kinds) < 2:
        return np.nan, np.nan
    means = np.array([good[batch == b].mean() for b in kinds])
    half = stats.t.ppf(0.5 + level / 200, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return float(max(good.mean() - half, 0.0)), float(min(good.mean() + half, 1.0))
