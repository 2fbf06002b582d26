"""Drift of a risk model: what has moved since it learned, with one false alarm a month over all checks together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats, Ints
from ..candidates.feature_groups import features_in, group_of
from .measures import ID_SHARE, Measure, measure_column, measure_count, measure_rate
from .windows import RECENT_DAYS, REFERENCE_DAYS, Windows, build_windows, find_lags

#: Days that past mornings have to span before anything is judged: a month, as false alarms are counted by month.
MIN_PAST_DAYS = 30
#: So many days of past mornings allow one alarm of a week among them: half of one a month, as chance is uneven.
DAYS_PER_ALARM = 60
#: A change is seen so long, until the weeks before hold it too; mornings in alarm for longer are mornings of the past.
MAX_RUN_DAYS = RECENT_DAYS + REFERENCE_DAYS
#: Checks that a reason to train again names.
MAX_REASONS = 3
#: Standard deviations for a median absolute deviation of a normal distribution.
_MAD_SCALE = 1.4826
#: Groups of features that describe the whole desk or its past and not a case.
_DESK_GROUPS = ("load", "desk", "clock")
_DESK_PREFIXES = ("breached_share_", "usual_s_")
CHECK_COLUMNS = ("check", "column", "value", "usual", "strength", "moved", "detail")


@dataclass(frozen=True)
class Drift:
    """What has moved.

    Attributes
    ----------
    checks
        One row a check, those that moved first: ``check`` (distribution, new values, missing values, open cases,
        breach risk, breach rate, Brier score), ``column``, ``value`` (of the recent week), ``usual`` (of the weeks
        before; of an index its median on past mornings), ``strength`` (standard deviations from its median), ``moved``
        and ``detail`` (new values).
    mornings
        ``at``, ``strength`` (largest of all checks) and ``limit``, the newest first; the limit is one for all.
    since
        First morning of the change, missing where nothing has moved.
    judged
        False where the log has too few mornings.
    """

    checks: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(CHECK_COLUMNS)))
    mornings: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["at", "strength", "limit"]))
    since: pd.Timestamp | None = None

    @property
    def judged(self) -> bool:
        """Whether there were enough past mornings."""
        return len(self.mornings) > 0

    @property
    def moved(self) -> pd.DataFrame:
        """The checks that moved, the strongest first."""
        return self.checks[self.checks["moved"].astype(bool)]


def detect_drift(
    snapshots: pd.DataFrame,
    until: pd.Timestamp,
    *,
    probability: Sequence[float] | Floats | None = None,
    outcomes: pd.DataFrame | None = None,
    timezone: str = "UTC",
    trained_at: pd.Timestamp | None = None,
) -> Drift:
    """Compare the open cases of the last week with those of the four weeks before, as on each past morning.

    A check has moved if it stands out further than any check did on past mornings, apart from one episode in
    ``DAYS_PER_ALARM`` days. So weekly cycles, the age of open cases and the noise of small desks are in the limit, and
    with all checks together a desk on which nothing changes has about one false alarm a month or less.

    Parameters
    ----------
    snapshots
        Rows of past mornings and of the last one: ``case_id``, ``at`` and features, as
        :func:`deskcast.features.snapshots.snapshots` returns them.
    until
        The last morning.
    probability
        Risk of each row by the model of today.
    outcomes
        ``case_id, label`` (missing where undecided), ``known_at`` and ``due_at``, one row a case.
    timezone
        Clock of the desk.
    trained_at
        When the model learned: the weeks before end then, as far as the log reaches back. By default today.

    Returns
    -------
    Drift
        See there.

    Notes
    -----
    Each check is a distance (square root of the population stability index, whose noise does not grow with its size)
    or a difference, of today and of each past morning. It is divided by its median absolute deviation over all of
    these, at least by what chance makes of so few cases. The largest of all checks of a morning is compared with those
    of past mornings: a bound over the family that needs no assumption on how the checks depend on each other.

    Examples
    --------
    >>> dice = np.random.default_rng(1)
    >>> at = pd.Series(pd.date_range("2024-01-01T08:00Z", periods=90).repeat(20))
    >>> rows = pd.DataFrame({"case_id": [f"c{i}" for i in range(1800)], "at": at})
    >>> rows["channel"] = dice.choice(["email", "phone"], 1800)
    >>> until = at.max()
    >>> detect_drift(rows, until).moved.empty
    True
    >>> rows.loc[at > until - pd.Timedelta("5D"), "channel"] = "chat"
    >>> needs_retraining(detect_drift(rows, until))
    'channel'
    """
    lag = find_lags(snapshots["at"], until, timezone)
    rows = snapshots[lag >= 0].reset_index(drop=True)
    probability = None if probability is None else np.asarray(probability, dtype=float)[lag >= 0]
    lag = lag[lag >= 0]
    learned = 0 if trained_at is None else max(0, (until - trained_at).days)
    windows = build_windows(lag, learned, MIN_PAST_DAYS)
    if windows is None:
        return Drift()
    found = list(_measures(rows, lag, windows, probability))
    if outcomes is not None:
        found += _outcome_measures(rows, lag, windows, probability, outcomes, until)
    strength = np.array([_standardise(one, windows.is_norm) for one in found])
    largest = strength.max(axis=0)
    limit, run = find_limit(largest, windows.ends, windows.since)
    moved = strength[:, 0] > limit
    checks = pd.DataFrame(
        {
            "check": [one.check for one in found],
            "column": [one.column for one in found],
            "value": [one.value for one in found],
            "usual": [one.usual for one in found],
            "strength": strength[:, 0],
            "moved": moved,
            "detail": [one.detail for one in found],
        }
    )
    checks = checks.sort_values(["moved", "strength"], ascending=False, kind="stable", ignore_index=True)
    ends = until - pd.to_timedelta(windows.ends, unit="D")
    mornings = pd.DataFrame({"at": ends.as_unit("us"), "strength": largest, "limit": limit})
    return Drift(checks, mornings, ends[run - 1] if moved.any() else None)


def needs_retraining(drift: Drift, trained_at: pd.Timestamp | None = None) -> str | None:
    """Return why the model should be trained again; ``None`` where nothing has moved.

    Parameters
    ----------
    drift
        From :func:`detect_drift`.
    trained_at
        When the model learned: within a week of that there is too little that it has not seen.

    Examples
    --------
    >>> needs_retraining(Drift()) is None
    True
    """
    if drift.moved.empty:
        return None
    until = drift.mornings["at"].iloc[0]
    if trained_at is not None and until - trained_at < pd.Timedelta(days=RECENT_DAYS):
        return None
    named = (str(row.column or row.check).removesuffix("_s").replace("_", " ") for row in drift.moved.itertuples())
    names = list(dict.fromkeys(named))
    more = f" and {len(names) - MAX_REASONS} more" if len(names) > MAX_REASONS else ""
    return ", ".join(names[:MAX_REASONS]) + more


def find_limit(largest: Floats, ends: Ints, since: int = 0) -> tuple[float, int]:
    """Return the limit that past mornings exceed in the episodes that are allowed, and the length of today's run.

    Parameters
    ----------
    largest
        Largest strength of each morning, of today first.
    ends
        Days of each before today.
    since
        Mornings later than so many days ago are not of the past.

    Returns
    -------
    limit
        The lowest one; the unbroken run of mornings above it that ends today is no episode of the past.
    run
        Number of mornings of that run; 0 where today is not above the limit.

    Examples
    --------
    >>> find_limit(np.array([5.0, 4.0, 1.0, 2.0, 1.0]), np.arange(5))
    (2.0, 2)
    >>> find_limit(np.array([1.5, 4.0, 1.0, 2.0, 1.0]), np.arange(5))
    (4.0, 0)
    """
    allowed = int((ends[-1] - since) // DAYS_PER_ALARM)
    past = np.arange(len(ends)) >= max(int(np.searchsorted(ends, since)), 1)
    for limit in np.unique(largest[past]):
        below = np.flatnonzero((largest <= limit) | (ends > max(MAX_RUN_DAYS, since)))
        run = int(below[0]) if len(below) else len(ends)
        above = ends[run:][(largest[run:] > limit) & past[run:]]
        episodes = np.sum(np.diff(above) > RECENT_DAYS) + bool(len(above))
        if episodes <= allowed and len(above) <= RECENT_DAYS * allowed:
            break
    return float(limit), run


def _standardise(one: Measure, is_norm: Bools) -> Floats:
    apart = one.by_morning - np.median(one.by_morning[is_norm])
    spread = max(_MAD_SCALE * float(np.median(np.abs(apart[is_norm]))), one.scale)
    return np.asarray((np.abs(apart) if one.two_sided else apart) / spread)


def _measures(rows: pd.DataFrame, lag: Ints, windows: Windows, probability: Floats | None) -> Iterable[Measure]:
    """Yield the checks of open cases and of their risk."""
    weeks = pd.Series(lag // RECENT_DAYS)
    cases = float(rows["case_id"].groupby(weeks).nunique().median())
    for name in checked_columns(rows):
        yield from measure_column(rows[name], lag, windows, cases)
    yield measure_count(lag, windows, cases)
    if probability is not None:
        risk = pd.Series(probability, name="breach risk")
        index = next(measure_column(risk, lag, windows, cases))
        yield Measure("breach risk", "", index.by_morning, index.value, index.usual, index.scale)


def checked_columns(rows: pd.DataFrame) -> list[str]:
    """Return the features that describe a case: not the desk as a whole, and no id.

    >>> rows = pd.DataFrame({"case_id": ["1", "2", "3"], "team": ["a", "a", "b"], "open_in_desk": 3.0, "hour": 8})
    >>> checked_columns(rows)
    ['team']
    """
    cases = rows["case_id"].nunique()
    names = [c for c in features_in(rows.columns) if group_of(c) not in _DESK_GROUPS]
    names = [c for c in names if not c.startswith(_DESK_PREFIXES) and rows[c].nunique(dropna=False) > 1]
    text = [c for c in names if not pd.api.types.is_numeric_dtype(rows[c].dtype)]
    ids = {c for c in text if rows[c].nunique() > max(ID_SHARE * cases, 2)}
    return [c for c in names if c not in ids]


def _outcome_measures(
    rows: pd.DataFrame,
    lag: Ints,
    windows: Windows,
    probability: Floats | None,
    outcomes: pd.DataFrame,
    until: pd.Timestamp,
) -> list[Measure]:
    """Return the checks of decided cases, each on the day of its due time, when all of that day are decided."""
    known = outcomes[outcomes["label"].notna() & (outcomes["known_at"] <= until)].drop_duplicates("case_id")
    day = known["due_at"].fillna(known["known_at"]) if "due_at" in known else known["known_at"]
    known = known.assign(day=day, label=known["label"].astype("float64"))[day <= until]
    back = np.asarray((until - known["day"]).dt.days, dtype=np.int64)
    found = [measure_rate("breach rate", known["label"].to_numpy(), back, windows)]
    if probability is not None:
        listed = rows[["case_id"]].assign(p=probability, lag=lag)
        if "already_breached" in rows:
            listed = listed[~rows["already_breached"].astype("boolean").fillna(False).to_numpy(dtype=bool)]
        first = listed.sort_values("lag", ascending=False, kind="stable").drop_duplicates("case_id")
        p = known["case_id"].map(first.set_index("case_id")["p"]).to_numpy(dtype=float)
        y, there = known["label"].to_numpy(), ~np.isnan(p)
        more = (p - y) ** 2 - p * (1 - p)  # realised less expected
        found.append(measure_rate("Brier score", more[there], back[there], windows))
    return [one for one in found if one is not None]
