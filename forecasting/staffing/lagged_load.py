"""Plans of contacts that last long: each interval is staffed for the work that is in it, whenever it came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats
from ..arguments import Numbers, check_number
from ..queueing.offered_load import offered_load

#: From this share of an interval on, contacts last so long that the work of an interval lags behind its arrivals.
LONG_HANDLE_TIME = 0.5
#: How the load of an interval may be taken: by the handle time, by its own contacts, or by the work that is in it.
LOADS = ("auto", "interval", "offered_load")


def lags_behind(load: str, aht: Numbers, interval: float) -> bool:
    """Tell whether the work that is in an interval takes the place of its own contacts.

    >>> lags_behind("auto", 1800.0, 1800), lags_behind("auto", 300.0, 1800), lags_behind("interval", 1800.0, 1800)
    (True, False, False)
    """
    return load == "offered_load" or (
        load == "auto" and float(np.mean(np.asarray(aht, dtype=float))) >= LONG_HANDLE_TIME * interval
    )


def lag_matrix(aht: Floats, interval: float) -> Floats:
    """Return the contacts whose own work is as much as the work in each interval, by contact of each interval.

    Parameters
    ----------
    aht
        Mean handle time in seconds of each interval, shape (n,).
    interval
        Length of an interval in seconds.

    Returns
    -------
    Shape (n, n): ``matrix @ calls`` are contacts that ask as much of an interval as what is in work in it.

    Examples
    --------
    >>> matrix = lag_matrix(np.full(3, 1800.0), 1800)
    >>> (matrix @ [60, 60, 0]).round(2).tolist()  # the load of offered_load, in contacts of 1,800 s
    [22.07, 46.05, 32.79]
    """
    slot = check_number("interval", interval, above=0)
    unit = np.eye(len(aht))
    columns = [offered_load(row, aht, slot)["load"].to_numpy() for row in unit]
    return np.asarray(np.column_stack(columns) * (slot / aht)[:, None])


def lag_forecast(ahead: pd.DataFrame, aht: Floats, interval: float) -> pd.DataFrame:
    """Return a forecast of contacts with the work that is in each interval in their place.

    Bounds are lagged as the forecast is: as if all intervals were high or low together, which errs to the wide side.
    Work that was there before the first interval is that of its own contacts.

    Parameters
    ----------
    ahead
        ``ds``, ``deskcast`` and its bounds; in order of time.
    aht, interval
        As in :func:`lag_matrix`.

    Examples
    --------
    >>> ds = pd.date_range("2024-03-04 08:00", periods=3, freq="30min")
    >>> ahead = pd.DataFrame({"ds": ds, "deskcast": [0.0, 60, 60]})
    >>> lag_forecast(ahead, np.full(3, 1800.0), 1800)["deskcast"].round(2).tolist()
    [0.0, 22.07, 46.05]
    """
    matrix = lag_matrix(aht, interval)
    names = [c for c in ahead.columns if str(c) == "deskcast" or str(c).startswith("deskcast-")]
    return ahead.assign(**{str(name): lag_calls(ahead[name].to_numpy(dtype=float), matrix) for name in names})


def lag_calls(calls: Floats, matrix: Floats) -> Floats:
    """Return contacts that ask as much of each interval as the work in it, of one row or of one row a path.

    >>> lag_calls(np.array([[60.0, 60.0]]), np.array([[0.5, 0.0], [0.25, 0.5]])).tolist()
    [[60.0, 60.0]]
    """
    # as much as ever before the first interval: what is missing of a steady state there is filled up
    missing = np.maximum(1.0 - matrix.sum(axis=1), 0.0)
    return np.asarray(calls @ matrix.T + calls[..., :1] * missing)


def lag_rows(ds: pd.Series, calls: Floats, aht: Floats, interval: float) -> Floats:
    """Return the contacts that ask as much of each interval as the work in it; intervals without any may be left out.

    Parameters
    ----------
    ds
        Starts of intervals, rising; what is left out between them, and before the first on its day, had no contacts.
    calls, aht
        Contacts and mean handle time in seconds of each, shape (n,).
    interval
        Length of an interval in seconds.

    Examples
    --------
    >>> ds = pd.Series(pd.to_datetime(["2024-03-04 08:00", "2024-03-04 08:30", "2024-03-05 08:00"]))
    >>> lag_rows(ds, np.array([60.0, 60, 60]), np.full(3, 1800.0), 1800).round(2).tolist()
    [22.07, 46.05, 22.07]
    """
    if not len(ds):
        return np.zeros(0)
    place = ((ds - ds.min().normalize()) / pd.Timedelta(seconds=interval)).round().astype("int64").to_numpy()
    there, times = np.zeros(place[-1] + 1), np.full(place[-1] + 1, float(np.mean(aht)))
    there[place], times[place] = calls, aht
    work = offered_load(there, times, interval, load_before=there[0] * times[0] / interval)["load"].to_numpy()
    return np.asarray((work * interval / times)[place])


def finish_behind_doors(plan: pd.DataFrame, is_closed: Bools, columns: Sequence[str]) -> pd.DataFrame:
    """Return a plan in which closed intervals have only those who finish what was begun, and promise nothing.

    Parameters
    ----------
    plan
        Rows of one queue with ``load``, in order of time.
    is_closed
        Which intervals are closed.
    columns
        Columns of agents.

    Examples
    --------
    >>> plan = pd.DataFrame({"load": [30.0, 8.2], "agents": [34, 12], "service_level": 0.8, "binding": "occupancy"})
    >>> finish_behind_doors(plan, np.array([False, True]), ["agents"])[["agents", "binding"]].values.tolist()
    [[34, 'occupancy'], [9, 'carried over']]
    """
    if not is_closed.any():
        return plan
    out = plan.copy()
    some = is_closed & (out["load"].to_numpy() > 1e-6)
    people = np.ceil(out["load"].to_numpy()[is_closed] - 1e-6)
    for name in columns:
        out.loc[is_closed, name] = np.minimum(out.loc[is_closed, name], people).astype(np.int64)
    out.loc[is_closed, [c for c in ("service_level", "expected_service_level") if c in out]] = np.nan
    out.loc[some, "binding"] = "carried over"
    return out
