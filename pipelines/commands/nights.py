"""``run --night TIME``: the run of a night that is played, for tests and demonstrations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from ...features.errors import InputError
from ..project.project import Project
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
            "a night is issued and a look back is not: give one",
            where="--night",
            hint="leave out --as-of",
            code="command.invalid",
        )
    project = open_for(config, night)
    issued = find_last_issued(project.config.results_folder, project.log.timezone)
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


def find_last_issued(results: Path, timezone: str) -> pd.Timestamp | None:
    """Return the latest instant of which something was issued: results, picked cases or KPI alerts."""
    from ..store.flagged_cases import find_last_flagged
    from ..store.incidents import read_alert_state
    from ..store.results import read_results

    found = [find_last_flagged(results), read_alert_state(results).as_of]
    try:
        found.append(read_results(results, tables=False).as_of)
    except InputError as error:
        if "no results" not in str(error):
            raise
    instants = [pd.Timestamp(t) for t in found if t is not None and not pd.isna(t)]
    zoned = [
        t.tz_localize(timezone, ambiguous=True, nonexistent="shift_forward") if t.tzinfo is None else t
        for t in instants
    ]
    return max(zoned, default=None)
