"""Work that changed hands: owners of accounts, products or regions who stopped, and when."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Time before an owner's last piece of work whose share counts; time without work after which a stop is spoken of.
SHARE_SPAN, MIN_SILENCE = pd.Timedelta(weeks=12), pd.Timedelta(days=7)
#: Pieces of work and share that an owner had, and the chance that one who goes on would have been silent so long.
MIN_ROWS, MIN_SHARE, MAX_CHANCE = 10, 0.03, 1e-4
HANDOVER_COLUMNS = ("group", "owner", "share", "rows", "last_at", "silent_days", "heir", "heir_share", "scope")


def find_handovers(rows: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Find owners of groups of work who stopped, over the whole time that is known, and who took over.

    Parameters
    ----------
    rows
        One row a piece of work: ``at``, ``owner``, ``group``.
    until
        End of what is known, on the clock of ``at``.

    Returns
    -------
    DataFrame
        ``group``, ``owner``, ``share`` (of the group's work in the twelve weeks to the last piece), ``rows`` (pieces in
        them), ``last_at``, ``silent_days``, ``heir`` (whose share grew most) with ``heir_share`` after, ``scope``
        (``everywhere`` where the owner stopped all work, ``this group`` where others go on); the latest first.

    Notes
    -----
    A stop is one where the group went on so long that an owner with that share would have been silent by chance only
    once in 10,000: a day off, a holiday or a small share is none.

    Examples
    --------
    >>> days = pd.date_range("2024-03-01", periods=120)
    >>> rows = pd.DataFrame({"at": days, "group": "A2", "owner": ["Ana", "Ben"] * 30 + ["Ben"] * 60})
    >>> find_handovers(rows, days[-1])[["group", "owner", "share", "heir", "scope"]].round(1).values.tolist()
    [['A2', 'Ana', 0.5, 'Ben', 'everywhere']]
    """
    known = rows[rows["owner"].notna() & rows["group"].notna() & (rows["at"] <= until)].sort_values("at")
    found = []
    final = known.groupby("owner")["at"].max()
    for group, part in known.groupby("group", sort=True):
        at, owner = part["at"], part["owner"].to_numpy(dtype=object)
        stamps = at.to_numpy()
        last = part.groupby("owner")["at"].max()
        for name, ended in last[last < until - MIN_SILENCE].items():
            stop = int(np.searchsorted(stamps, np.datetime64(ended.to_datetime64()), side="right"))
            start = int(np.searchsorted(stamps, np.datetime64((ended - SHARE_SPAN).to_datetime64()), side="left"))
            count = int((owner[start:stop] == name).sum())
            share = count / max(stop - start, 1)
            missed = len(part) - stop
            if count < MIN_ROWS or share < MIN_SHARE or (1 - min(share, 1 - 1e-9)) ** missed > MAX_CHANCE:
                continue
            heir, heir_share = _find_heir(owner[start:stop], owner[stop:], str(name))
            scope = "everywhere" if final.loc[str(name)] < until - MIN_SILENCE else "this group"
            silent = (until - ended).total_seconds() / 86400
            found.append((str(group), str(name), share, count, ended, silent, heir, heir_share, scope))
    table = pd.DataFrame(found, columns=list(HANDOVER_COLUMNS))
    return table.sort_values(["last_at", "group"], ascending=[False, True], ignore_index=True)


def _find_heir(before: np.ndarray, after: np.ndarray, owner: str) -> tuple[str, float]:
    """Return whose share of the work grew most, and what it came to."""
    now, was = (pd.Series(part, dtype="object").value_counts(normalize=True) for part in (after, before))
    grown = now.sub(was.reindex(now.index, fill_value=0.0)).drop(owner, errors="ignore")
    if grown.empty or grown.max() <= 0:
        return "", float("nan")
    heir = str(grown.sort_index().idxmax())
    return heir, float(now[heir])
