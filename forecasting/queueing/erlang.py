"""Queues with agents: how long people wait, how many give up, and how busy the agents are.

Exact Erlang B, Erlang C (nobody gives up), Erlang A (exponential patience) and M/M/n+G (any patience), over arrays,
for any real number of agents.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ..arguments import Numbers, broadcast, check_numbers, flat_queue, index_of
from .balance import EXTRA_PERFORMANCE_COLUMNS, PERFORMANCE_COLUMNS, check_definition, compute_steady_state
from .patience import Patience, PatienceShape, read_patience_shape
from .waiting import idle_weight

__all__ = [
    "EXTRA_PERFORMANCE_COLUMNS",
    "PERFORMANCE_COLUMNS",
    "compute_performance",
    "erlang_b",
    "erlang_c",
    "queue_performance",
    "read_mean_patience",
]


def erlang_b(load: Numbers, lines: Numbers) -> Floats | float:
    """Return the probability that a call finds all lines taken and is lost.

    Parameters
    ----------
    load
        Offered load in Erlangs (calls times handle time over the interval), from 0.
    lines
        Number of lines, from 0; fractions by the continuous extension.

    Returns
    -------
    float or array
        One value for each pair, shapes broadcast.

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Notes
    -----
    Erlang (1917); the continuous extension is that of Jagerman, "Some properties of the Erlang loss function" (1974).

    Examples
    --------
    >>> round(erlang_b(8.108, 15), 4)
    0.01
    """
    a, n, shape = _loads(load, "lines", lines)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        weight = _weight(a, n, n - a)
        lost = 1 / (1 + n / a * weight)
    # a subnormal number of lines is none: the weight overflows, and nothing times infinity is no number
    lost = np.where(n < np.finfo(float).tiny, 1.0, np.where(a == 0, 0.0, lost))
    return _shaped(lost, shape)


def erlang_c(load: Numbers, agents: Numbers) -> Floats | float:
    """Return the probability that a caller has to wait when nobody gives up.

    Parameters
    ----------
    load
        Offered load in Erlangs, from 0.
    agents
        Number of agents, from 0; fractions by the continuous extension.

    Returns
    -------
    float or array
        1 where the load is as large as the agents or larger: the queue grows without end.

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Examples
    --------
    >>> erlang_c(10, [14, 10]).round(4).tolist()
    [0.1741, 1.0]
    """
    a, n, shape = _loads(load, "agents", agents)
    gap = n - a
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        waits = np.where(gap > 0, 1 / (1 + gap / a * _weight(a, n, gap)), 1.0)
    return _shaped(np.where(a == 0, 0.0, waits), shape)


def queue_performance(
    calls: Numbers,
    aht: Numbers,
    agents: Numbers,
    interval: Numbers = 1800,
    threshold: Numbers = 20,
    patience: Numbers | Patience | None = None,
    definition: str = "offered",
) -> pd.DataFrame:
    """Compute the exact long-run performance of a queue with a number of agents.

    Parameters
    ----------
    calls
        Calls offered in the interval, from 0; they arrive at random (Poisson).
    aht
        Mean handle time in seconds, above 0; handle times are exponential.
    agents
        Agents at work, from 0; fractions by the continuous extension.
    interval
        Length of the interval in seconds.
    threshold
        Seconds within which an answer counts for the service level.
    patience
        Mean seconds after which a waiting caller gives up (exponential, Erlang A); ``None`` or infinity: nobody
        does (Erlang C). Another distribution is a :class:`Patience` (M/M/n+G).
    definition
        What the service level is: ``"offered"`` (answered within the threshold over offered: who gives up counts as
        missed, however early), ``"answered"`` (answered within the threshold over answered),
        ``"short_abandons_met"`` (answered or given up within the threshold, over offered) or
        ``"short_abandons_excluded"`` (answered within the threshold, over offered less given up within it).

    Returns
    -------
    DataFrame
        One row for each element of the broadcast arguments (in C order; a Series lends its index): ``load`` (Erlangs),
        ``occupancy`` (share of the agents' time spent handling), ``wait_probability``, ``service_level``,
        ``mean_wait`` (s, over all offered calls, given up or not), ``mean_queue`` (calls), ``abandonment`` (share of
        offered calls), ``mean_wait_waiting`` (s, over those who wait at all, given up or not).

        Without calls nothing waits: service level 1, the rest 0. Where the queue has no balance (nobody gives up, or
        too few ever do, and the load is not below the agents) that is said: wait_probability and occupancy 1,
        service_level 0, the waits and mean_queue infinite.

    Raises
    ------
    InputError
        Names the argument and the first bad position, counted from 0.

    Notes
    -----
    Erlang (1917); Palm (1957); Garnett, Mandelbaum and Reiman, "Designing a call center with impatient customers"
    (2002); Mandelbaum and Zeltyn (2004, 2007).

    Examples
    --------
    >>> perf = queue_performance(calls=100, aht=180, agents=14)
    >>> perf[["wait_probability", "service_level", "mean_wait"]].round(4).to_dict("records")
    [{'wait_probability': 0.1741, 'service_level': 0.8884, 'mean_wait': 7.8359}]
    >>> queue_performance(100, 180, [9, 10], patience=300)["abandonment"].round(4).tolist()
    [0.1633, 0.1094]
    >>> queue_performance(100, 180, 10, patience=Patience.fixed(300))["abandonment"].round(4).tolist()
    [0.0469]
    """
    scale, shape = read_patience_shape(patience)
    check_definition(definition)
    given = {
        "calls": check_numbers("calls", calls, least=0),
        "aht": check_numbers("aht", aht, above=0),
        "agents": check_numbers("agents", agents, least=0),
        "interval": check_numbers("interval", interval, above=0),
        "threshold": check_numbers("threshold", threshold, least=0),
        "patience": scale,
    }
    flat = flat_queue("calls", given)
    index = index_of(flat["calls"].size, calls, aht, agents, interval, threshold, patience)
    found = compute_performance(**flat, shape=shape, definition=definition)
    return pd.DataFrame(found, index=index, columns=[*PERFORMANCE_COLUMNS, *EXTRA_PERFORMANCE_COLUMNS])


def read_mean_patience(patience: Numbers | None) -> Floats:
    """Return patience in seconds, infinite where nobody gives up.

    >>> read_mean_patience(None).tolist(), read_mean_patience(120).tolist()
    (inf, 120.0)
    """
    return np.asarray(np.inf) if patience is None else check_numbers("patience", patience, above=0, infinite=True)


def compute_performance(
    calls: Floats,
    aht: Floats,
    agents: Floats,
    interval: Floats,
    threshold: Floats,
    patience: Floats,
    shape: PatienceShape | None = None,
    definition: str = "offered",
) -> dict[str, Floats]:
    """Return the columns of :func:`queue_performance` for checked flat arrays of one length."""
    load, gap = calls * aht / interval, exact_gap(calls, aht, agents, interval)
    return compute_steady_state(
        load, agents, gap, _weight(load, agents, gap), aht, threshold, patience, shape, definition
    )


def _weight(a: Floats, n: Floats, gap: Floats) -> Floats:
    out = np.ones_like(a)
    real = (a > 0) & (n > 0)
    out[real] = idle_weight(a[real], n[real], gap[real])
    return out


def exact_gap(calls: Floats, aht: Floats, agents: Floats, interval: Floats) -> Floats:
    """Return agents minus load from the inputs, exact to the last bit even where both are large and near."""
    need, need_rest = _product(calls, aht)
    have, have_rest = _product(agents, interval)
    return ((have - need) + (have_rest - need_rest)) / interval


def _product(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the product and what rounding took from it (Dekker 1971)."""
    p = x * y
    split = 134217729.0
    xh = x * split - (x * split - x)
    yh = y * split - (y * split - y)
    xl, yl = x - xh, y - yh
    return p, ((xh * yh - p) + xh * yl + xl * yh) + xl * yl


def _loads(load: Numbers, name: str, servers: Numbers) -> tuple[Floats, Floats, tuple[int, ...]]:
    given = {"load": check_numbers("load", load, least=0), name: check_numbers(name, servers, least=0)}
    both = broadcast(given)
    return both["load"].ravel(), both[name].ravel(), both["load"].shape


def _shaped(values: Floats, shape: tuple[int, ...]) -> Floats | float:
    return values.reshape(shape) if shape else float(values[0])
