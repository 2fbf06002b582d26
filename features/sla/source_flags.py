"""Promises on which the exporting system decides: its own flag, as it stood at given instants."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..case_log.events import add_missing_event_columns, select_event_time
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..case_log.schema import DECIDED_VALUE


def find_source_decisions(log: CaseLog, metric: str, *, as_recorded: bool = False) -> pd.Series[Any]:
    """Return the instants at which the system itself decided on a promise, by case; cases without one are missing.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z"] * 2})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T11:00Z"], "kind": ["field"],
    ...                        "field": ["first_reply"], "new": ["decided"]})
    >>> log = CaseLog.from_frames(cases=cases, events=events)
    >>> find_source_decisions(log, "first_reply").to_dict()
    {'1': Timestamp('2024-03-01 11:00:00+0000', tz='UTC')}
    """
    events = add_missing_event_columns(log)
    chosen = events.filter((events.kind == "field") & (events["field"] == metric) & (events.new == DECIDED_VALUE))
    chosen = chosen.select("case_id", at=select_event_time(chosen, as_recorded))
    found = fetch(chosen.filter(chosen["at"] <= log.until).group_by("case_id").agg(at=lambda t: t["at"].min()))
    return found.sort_values("case_id").set_index("case_id")["at"].astype("datetime64[us, UTC]")


def is_breached_at_source(
    log: CaseLog, metric: str, case_id: Any, at: pd.DatetimeIndex, *, as_recorded: bool = False
) -> npt.NDArray[np.bool_]:
    """Return for each case and instant whether the system's flag says by then that the promise is broken.

    Parameters
    ----------
    metric
        Name of the flag: the ``field`` of its events, of which ``new`` is ``false`` when the promise is broken.
    case_id, at
        Cases and instants, n each; the last change at or before the instant counts.
    as_recorded
        Date a change at the instant from which it was known, rather than when it happened.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T11:00Z"], "kind": ["field"],
    ...                        "field": ["made_sla"], "new": ["false"]})
    >>> log = CaseLog.from_frames(cases=cases, events=events)
    >>> is_breached_at_source(log, "made_sla", ["1", "1"], pd.to_datetime(["2024-03-01T10:59Z", "2024-03-01T11:00Z"]))
    array([False,  True])
    """
    events = add_missing_event_columns(log)
    chosen = events.filter((events.kind == "field") & (events["field"] == metric) & (events.new != DECIDED_VALUE))
    chosen = chosen.select(
        "case_id", "seq", at=select_event_time(chosen, as_recorded), broken=chosen.new.lower() == "false"
    )
    changes = fetch(chosen.filter(chosen["at"] <= log.until).order_by(["at", "case_id", "seq"]))
    if not len(changes) or not len(at):  # pandas cannot join text columns of no rows
        return np.zeros(len(at), dtype=bool)
    asked = pd.DataFrame({"case_id": case_id, "at": at.as_unit("us"), "place": np.arange(len(at))})
    asked["case_id"] = asked["case_id"].astype("str")
    changes["at"] = changes["at"].astype("datetime64[us, UTC]")
    both = pd.merge_asof(asked.sort_values("at", kind="stable"), changes, on="at", by="case_id")
    return both.sort_values("place")["broken"].eq(True).fillna(False).to_numpy(dtype=bool)
