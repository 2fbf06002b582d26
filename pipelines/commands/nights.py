"""``run --night TIME``: the run of a night that is played, for tests and demonstrations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from ...features.errors import InputError
from ..project.project import Project
from ..project.state_place import StatePlace
from .options import open_for


def open_night(config: Path, night: str, as_of: str | None = None) -> Project:
    """Open a project as the run of a night sees it: like a look back, but what it finds is issued and remembered.

    Parameters
    ----------
    config
        The configuration.
    night
        Instant of the run, later than all that was issued before.
    as_of
        What ``--as-of`` gave: the two exclude each other.

    Raises
    ------
    InputError
        If it is not a valid instant, nothing was known by then, or something later has been issued.
    """
    if as_of is not None:
        raise InputError(
            "options exclude each other: '--night' and '--as-of'",
            where="--night",
            hint="leave out --as-of",
            code="command.invalid",
        )
    project = open_for(config, night)
    issued = find_last_issued(project.config.state_place, project.log.timezone, project.as_of)
    if issued is not None and project.as_of <= issued:
        last = f"{issued.tz_convert(project.log.timezone):%Y-%m-%d %H:%M}"
        hint = "to look back, use --as-of"
        raise InputError(
            "a later night was issued already",
            where="--night",
            got=night,
            wanted=f"after {last}",
            hint=hint,
            code="time.order",
        )
    return replace(project, is_look_back=False)


def find_last_issued(place: StatePlace, timezone: str, night: pd.Timestamp) -> pd.Timestamp | None:
    """Return the latest instant of which something was issued: forecasts, risks, picked cases or KPI alerts.

    Results of this very night do not count: where nothing of it was issued, its run was killed, and it is done again.
    Results of a later night do.
    """
    from ..state.database import read_state
    from ..state.issue import find_last_issued_at
    from ..store.flagged_cases import find_last_flagged
    from ..store.incidents import read_alert_state
    from ..store.results import read_results

    with read_state(place) as state:
        found = [find_last_issued_at(state), find_last_flagged(place), read_alert_state(place).as_of]
    try:
        written = read_results(place.results, tables=False).as_of
        found.append(None if written is None or written <= night else written)
    except InputError as error:
        if error.code != "results.missing":
            raise
    instants = [pd.Timestamp(t) for t in found if t is not None and not pd.isna(t)]
    zoned = [
        t.tz_localize(timezone, ambiguous=True, nonexistent="shift_forward") if t.tzinfo is None else t
        for t in instants
    ]
    return max(zoned, default=None)
