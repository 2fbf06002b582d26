"""What had come of cases like this one by an instant: how long they took, and how many broke their promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..arrays import Ints
from ..calendars.business_calendar import to_micros
from ..calendars.open_intervals import US_PER_S
from ..case_log.asof import factorize_columns, find_last_as_of, sum_as_of

#: A segment's own figure weighs n / (n + STRENGTH), the desk's the rest.
PRIOR_CASES = 20.0
OUTCOME_SEGMENTS = ("team", "priority", "product", "case_type")
#: How far back the recent share of broken promises looks.
RECENT_WINDOW_US = 28 * 86400 * US_PER_S
_LOG_SCALE = 1e6


def build_outcome_features(moves: pd.DataFrame, labels: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the smoothed history of outcomes of each row's segments, as far as it was known then.

    A case counts in the segment in which it stood when its outcome came to be known, and for the time to its first
    resolution from that instant on. What a re-opening brings later changes nothing.

    Parameters
    ----------
    moves
        From :func:`~deskcast.features.snapshots.load.find_case_changes`.
    labels
        Rows of one metric: case_id, label, known_at; see :func:`~deskcast.features.labels.breach.breach_labels`.
    rows
        Columns ``at`` and the segments, n rows.

    Returns
    -------
    DataFrame
        n rows: ``breached_share_<segment>`` and ``usual_s_<segment>`` (geometric mean of the seconds to the first
        resolution) by team, priority, product, case_type and for the whole desk, and ``breached_share_28d`` of the
        desk; missing until the desk has its first outcome.

    Notes
    -----
    Shrinkage of a small segment towards the whole is the empirical Bayes estimate with a prior worth 20 cases
    (Efron and Morris 1975, JASA 70, 311-319, in its simplest form).
    """
    return smooth_outcomes(find_decided_cases(moves, labels), find_resolved_cases(moves), rows)


def find_decided_cases(moves: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Return the segments in which each case stood when its outcome came to be known: with ``known`` and ``value``."""
    case = factorize_columns(moves["case_id"], labels["case_id"])
    told = labels["label"].notna().to_numpy()
    known = to_micros(labels.loc[told, "known_at"], "known_at")
    place = find_last_as_of(case[0], to_micros(moves["at"], "at"), case[1][told], known)
    decided = moves.iloc[place[place >= 0]][list(OUTCOME_SEGMENTS)]
    broken = labels.loc[told, "label"].to_numpy(dtype=bool)[place >= 0].astype(np.int64)
    return decided.assign(known=known[place >= 0], value=broken).reset_index(drop=True)


def find_resolved_cases(moves: pd.DataFrame) -> pd.DataFrame:
    """Return the segments of each case at its first resolution: with ``known`` and ``value``, how long it took."""
    ended = moves["was_open"].astype(bool) & ~moves["is_open"].astype(bool)
    done = moves[ended & moves["kind"].isin(("resolved", "closed"))].drop_duplicates("case_id")
    # an end before the creation tells nothing of how long such cases take
    done = done[~done["is_backwards"].astype(bool)]
    done_at = to_micros(done["at"], "at")
    took = (done_at - to_micros(done["created_at"], "created_at")) / US_PER_S
    logs = np.rint(np.log1p(took) * _LOG_SCALE).astype(np.int64)
    return done[list(OUTCOME_SEGMENTS)].assign(known=done_at, value=logs).reset_index(drop=True)


def smooth_outcomes(decided: pd.DataFrame, done: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`build_outcome_features` of the outcomes that were found."""
    when = to_micros(rows["at"], "at")
    known, broken = (decided[name].to_numpy(dtype=np.int64) for name in ("known", "value"))
    share = _history(decided, rows, when)
    usual = _history(done, rows, when)
    out = {f"breached_share_{name}": values for name, values in share.items()}
    out |= {f"usual_s_{name}": np.expm1(values / _LOG_SCALE) for name, values in usual.items()}
    here, all_of = np.zeros_like(when), np.zeros_like(known)
    n = sum_as_of(all_of, known, here, when) - sum_as_of(all_of, known, here, when - RECENT_WINDOW_US)
    hits = sum_as_of(all_of, known, here, when, broken) - sum_as_of(
        all_of, known, here, when - RECENT_WINDOW_US, broken
    )
    out["breached_share_28d"] = (hits + PRIOR_CASES * share["desk"]) / (n + PRIOR_CASES)
    return pd.DataFrame(out, index=rows.index).astype("float64")


def _history(past: pd.DataFrame, rows: pd.DataFrame, when: Ints) -> dict[str, Any]:
    """Return the mean so far of the desk, and of each segment drawn towards it."""
    known, value = (past[name].to_numpy(dtype=np.int64) for name in ("known", "value"))
    here, all_of = np.zeros_like(when), np.zeros_like(known)
    n = sum_as_of(all_of, known, here, when)
    desk = sum_as_of(all_of, known, here, when, value) / np.where(n > 0, n, np.nan)
    out = {"desk": desk}
    for segment in OUTCOME_SEGMENTS:
        of, asked = factorize_columns(past[segment], rows[segment])
        there = of >= 0
        n = sum_as_of(of[there], known[there], asked, when)
        total = sum_as_of(of[there], known[there], asked, when, value[there])
        out[segment] = (total + PRIOR_CASES * desk) / (n + PRIOR_CASES)
    return out
