"""What a call log says of its own queue: arrivals, handle time, patience, agents at work, and how calls fared.

Patience is seen only of those who gave up; an answered call says that it was longer than the wait. Agents on duty are
seldom recorded, and are inferred here from whom the calls were answered by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ...features.frames import require_columns
from ...features.statistics.kaplan_meier import kaplan_meier
from .patience import Patience

_REQUIRED_COLUMNS = ("queued_at", "answered_at", "ended_at", "outcome")
_SHARES = tuple(k / 50 for k in range(1, 50))
#: Shorter waits are not waits: the log rounds to seconds, and an agent needs one to answer.
MIN_WAIT_S = 1.0


@dataclass(frozen=True)
class PatienceEstimate:
    """How long callers wait before they give up, from calls of which most were answered first.

    Attributes
    ----------
    calls, gave_up
        Calls that had to wait, and how many of them gave up.
    left_at_once
        Calls that gave up without waiting (at most a second); they are not in the figures of patience.
    mean_s
        Mean of an exponential patience by maximum likelihood: all waiting over all who gave up.
    median_s, lo_s, hi_s
        Median of Kaplan and Meier with its 95 % interval; missing where the curve does not fall to a half.
    curve
        ``at_s`` and ``surviving``: the curve of Kaplan and Meier in steps of two per cent.
    """

    calls: int
    abandoned: int
    immediate_abandons: int
    mean_s: float
    median_s: float
    lo_s: float
    hi_s: float
    curve: pd.DataFrame

    def distribution(self) -> Patience:
        """Return the curve as a patience that the formulas take; who outlasts it is as patient as the exponential.

        The end of the curve is not seen, as all are answered before it: there it is continued with ``mean_s``.
        """
        at, left = self.curve["at_s"].to_numpy(float), self.curve["surviving"].to_numpy(float)
        steps = np.arange(1, 21) / 20
        beyond = at[-1] - self.mean_s * np.log1p(0.025 - steps)
        return Patience.observed(np.concatenate([at, beyond]), np.concatenate([left, left[-1] * (1 - steps)]))


def estimate_patience(contacts: pd.DataFrame) -> PatienceEstimate:
    """Estimate from a table of contacts how long callers wait before they give up.

    Parameters
    ----------
    contacts
        ``queued_at``, ``answered_at``, ``ended_at`` (instants) and ``outcome`` (answered; abandoned and callback gave
        up). A call that had neither end by the end of the log is left out.

    Raises
    ------
    InputError
        If a column is missing, or nobody abandoned after a wait.

    Notes
    -----
    Answered calls are censored (E. L. Kaplan and P. Meier, JASA 53, 1958; Brown et al., "Statistical analysis of a
    telephone call center", JASA 100, 2005). Leaving them out, as is often done, gives a far shorter patience.

    Examples
    --------
    >>> at = pd.Timestamp("2024-03-01 09:00", tz="UTC")
    >>> compute_waits = pd.to_timedelta([30, 60, 90, 120], unit="s")
    >>> ends = pd.Series(at + compute_waits)
    >>> log = pd.DataFrame({"queued_at": at, "answered_at": ends.where([True, False, True, True]), "ended_at": ends,
    ...                     "outcome": ["answered", "abandoned", "answered", "answered"]})
    >>> estimate_patience(log).mean_s  # 300 s of waiting, one gave up
    300.0
    """
    _check(contacts)
    seconds, gave_up = compute_waits(contacts).to_numpy(float), _is_abandoned(contacts)
    waited = seconds > MIN_WAIT_S
    wait, lost = seconds[waited], gave_up[waited]
    if not lost.any():
        raise InputError(
            "missing abandoned contacts", where="argument 'contacts'", hint="take a longer log", code="plan.impossible"
        )
    found = kaplan_meier(wait, lost, quantiles=_SHARES).iloc[0]
    fell = np.array([found[f"q{share * 100:g}"] for share in _SHARES])
    curve = pd.DataFrame({"at_s": fell, "surviving": 1 - np.array(_SHARES)}).dropna()
    curve = curve.drop_duplicates("at_s", keep="last").reset_index(drop=True)
    return PatienceEstimate(
        calls=len(wait),
        abandoned=int(lost.sum()),
        immediate_abandons=int(find_immediate_abandons(contacts).sum()),
        mean_s=float(wait.sum() / lost.sum()),
        median_s=float(found["q50"]),
        lo_s=float(found["lo"]),
        hi_s=float(found["hi"]),
        curve=curve,
    )


def find_immediate_abandons(contacts: pd.DataFrame) -> pd.Series[Any]:
    """Return which contacts gave up within a second: nobody was there, or they changed their mind; not for waiting."""
    return (compute_waits(contacts) <= MIN_WAIT_S) & _is_abandoned(contacts)


def compute_waits(contacts: pd.DataFrame) -> pd.Series[Any]:
    """Return the seconds that each contact waited: to the answer, or to giving up; missing while it still waits."""
    until = contacts["answered_at"].fillna(contacts["ended_at"])
    seconds: pd.Series[Any] = (until - contacts["queued_at"]).dt.total_seconds().clip(lower=0)
    return seconds


def call_intervals(
    contacts: pd.DataFrame, interval: float = 1800, threshold: float = 20, timezone: str = "UTC", rest: float = 900
) -> pd.DataFrame:
    """Return per interval what came, how it fared, and the agents that were there.

    Parameters
    ----------
    contacts
        ``queued_at``, ``answered_at``, ``ended_at``, ``outcome``, ``agent_id``, and ``wrap_s`` if there is any.
    interval
        Length in seconds.
    threshold
        Seconds within which an answer counts.
    timezone
        Of the clock of ``ds``.
    rest
        An agent without a call for longer than so many seconds was not on duty in between.

    Returns
    -------
    DataFrame
        One row an interval from the first to the last call: ``ds``, ``offered``, ``answered``, ``abandoned``,
        ``aht_s`` (of calls answered in it by a known agent, missing without), ``load`` (Erlangs offered: ``offered``
        times the mean handle time of the whole log), ``busy`` (agents handling, mean), ``on_duty`` (agents between
        their first and last call without a long rest, mean), ``taking`` (agents handling while somebody waits, missing
        where nobody does: if all who can take a call then do, these are all who can), ``waiting`` (share of the time
        in which somebody waits), ``mean_wait_s``, ``service_level``, ``abandonment`` (over all offered; missing
        without calls) and ``queue`` (mean).

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> at = pd.Timestamp("2024-03-01 09:00", tz="UTC")
    >>> log = pd.DataFrame({"queued_at": [at, at], "answered_at": [at, at + pd.Timedelta(minutes=10)],
    ...     "ended_at": [at + pd.Timedelta(minutes=10), at + pd.Timedelta(minutes=20)], "outcome": "answered",
    ...     "agent_id": "ann"})
    >>> call_intervals(log)[["offered", "busy", "on_duty", "taking", "mean_wait_s"]].round(2).to_dict("records")
    [{'offered': 2, 'busy': 0.67, 'on_duty': 0.67, 'taking': 1.0, 'mean_wait_s': 300.0}]
    """
    _check(contacts, "agent_id")
    clock = [_clock(contacts[c], timezone) for c in ("queued_at", "answered_at", "ended_at")]
    first = clock[0].min().floor(pd.Timedelta(seconds=interval))
    queued, answered, ended = ((c - first).dt.total_seconds().to_numpy(float) for c in clock)
    free = ended + (contacts["wrap_s"].fillna(0.0).to_numpy(float) if "wrap_s" in contacts.columns else 0.0)
    wait, gone = compute_waits(contacts).to_numpy(float), _is_abandoned(contacts)
    slot = (queued // interval).astype(np.int64)
    n = int(slot.max()) + 1
    served = ~np.isnan(answered)
    handled = served & ~np.isnan(free) & contacts["agent_id"].notna().to_numpy()
    handle = free - answered

    def count(rows: npt.NDArray[np.bool_], weight: Floats | None = None) -> Floats:
        return np.bincount(slot[rows], weights=None if weight is None else weight[rows], minlength=n).astype(float)

    offered, known = count(wait == wait), ~np.isnan(wait)
    edges = np.asarray(np.arange(n + 1) * float(interval), dtype=np.float64)
    occupied, while_waiting, waiting, queue = _while_waiting(
        (answered[handled], free[handled]), (queued[known], (queued + wait)[known]), edges
    )
    taken = np.bincount((answered[handled] // interval).astype(np.int64).clip(0, n - 1), handle[handled], n)
    taken_n = np.bincount((answered[handled] // interval).astype(np.int64).clip(0, n - 1), minlength=n)
    on, off = _sessions(contacts["agent_id"].to_numpy()[handled], answered[handled], free[handled], rest)
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "ds": first + pd.to_timedelta(edges[:-1], unit="s"),
                "offered": offered.astype(np.int64),
                "answered": count(served & known).astype(np.int64),
                "abandoned": count(gone & known).astype(np.int64),
                "aht_s": np.where(taken_n > 0, taken / taken_n, np.nan),
                "load": offered * handle[handled].mean() / interval,
                "busy": occupied,
                "on_duty": np.diff(_seconds_by(edges, on, off)) / interval,
                "taking": while_waiting,
                "waiting": waiting,
                "mean_wait_s": count(known, np.nan_to_num(wait)) / np.where(offered > 0, offered, np.nan),
                "service_level": count(served & known & (wait <= threshold)) / np.where(offered > 0, offered, np.nan),
                "abandonment": count(gone & known) / np.where(offered > 0, offered, np.nan),
                "queue": queue,
            }
        )


def _check(contacts: pd.DataFrame, *more: str) -> None:
    require_columns(contacts, (*_REQUIRED_COLUMNS, *more), "argument 'contacts'")
    if not len(contacts):
        raise InputError("missing contacts", where="argument 'contacts'", code="kpi.unavailable")


def _clock(at: pd.Series[Any], timezone: str) -> pd.Series[Any]:
    local: pd.Series[Any] = at.dt.tz_convert(timezone).dt.tz_localize(None)
    return local


def _is_abandoned(contacts: pd.DataFrame) -> npt.NDArray[np.bool_]:
    return np.asarray((contacts["answered_at"].isna() & contacts["ended_at"].notna()).to_numpy(bool))


def _sessions(agent: npt.NDArray[np.object_], start: Floats, end: Floats, rest: float) -> tuple[Floats, Floats]:
    """Join the calls of each agent to stretches of duty, broken where no call came for longer than ``rest``."""
    order = np.lexsort((start, agent.astype(str)))
    who, begin, finish = agent[order], start[order], end[order]
    fresh = np.ones(len(who), dtype=bool)
    fresh[1:] = (who[1:] != who[:-1]) | (begin[1:] - finish[:-1] > rest)
    first = np.flatnonzero(fresh)
    return begin[first], np.maximum.reduceat(finish, first) if len(first) else finish


def _seconds_by(at: Floats, start: Floats, end: Floats) -> Floats:
    """Return the seconds within the stretches that lie before each instant."""

    def passed(instants: Floats) -> Floats:
        ordered = np.sort(instants)
        k = np.searchsorted(ordered, at)
        return np.asarray(k * at - np.concatenate([[0.0], ordered.cumsum()])[k])

    return np.round(passed(start) - passed(end), 6)  # a log knows no nanoseconds, and nobody is there for one


def _while_waiting(
    handling: tuple[Floats, Floats], waiting: tuple[Floats, Floats], edges: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return per interval the agents handling, the same while somebody waits, how often that is, and how many wait."""
    at = np.concatenate([*handling, *waiting, edges])
    sizes = [len(x) for x in (*handling, *waiting, edges)]
    busy = np.repeat([1.0, -1.0, 0.0, 0.0, 0.0], sizes)
    line = np.repeat([0.0, 0.0, 1.0, -1.0, 0.0], sizes)
    order = np.argsort(at, kind="stable")
    at, busy, line = at[order], busy[order].cumsum()[:-1], line[order].cumsum()[:-1]
    length, slot = np.diff(at), np.searchsorted(edges, at[:-1], side="right") - 1
    inside = (slot >= 0) & (slot < len(edges) - 1)
    size = len(edges) - 1

    def total(weight: Floats) -> Floats:
        return np.bincount(slot[inside], (weight * length)[inside], size).astype(float)

    queued = total((line > 0.5).astype(float))
    with np.errstate(invalid="ignore", divide="ignore"):
        taking = np.where(queued > 0, total(busy * (line > 0.5)) / queued, np.nan)
    length_all = np.diff(edges)
    return total(busy) / length_all, taking, queued / length_all, total(line) / length_all
