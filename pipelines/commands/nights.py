"""A night: opened, run when no other run is at work, its end written down; or played, for tests and demonstrations."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ...features.durations import parse_duration
from ...features.errors import BusyError, InputError
from ..project.project import Project
from ..project.state_place import StatePlace
from .options import open_for

if TYPE_CHECKING:
    from .run import RunOutcome


#: Seconds between two tries of a run that waits for another one.
RETRY_S = 2.0


def run_night(
    config: Path,
    *,
    as_of: str | None = None,
    night: str | None = None,
    as_json: bool = False,
    show_all: bool = False,
    record_runs: bool = True,
    wait: str = "",
    log: str = "",
    summary: Path | None = None,
) -> RunOutcome:
    """Open a desk, run every stage and print the answer; how it ended goes to a file where one is named.

    A run that is refused before it begins is an alarm as well.

    Raises
    ------
    BusyError
        If another run is at work for longer than ``wait``.
    InputError
        If an option, the configuration or the data cannot be used.
    """
    from .demo import run_and_print
    from .exit_codes import EXIT_BUSY, EXIT_INPUT, find_exit_code
    from .night_log import summarise_run, write_summary

    if log not in ("", "json"):
        raise InputError("unknown form", where="--log", got=log, wanted="json", code="command.invalid")
    end = time.monotonic() + (parse_duration(wait, where="--wait") if wait else 0.0)
    try:
        while True:
            try:
                project = open_for(config, as_of) if night is None else open_night(config, night, as_of)
                outcome = run_and_print(project, as_json=as_json, record_runs=record_runs, show_all=show_all, log=log)
                break
            except BusyError:
                if time.monotonic() + RETRY_S > end:
                    raise
                time.sleep(RETRY_S)
    except InputError as error:
        busy = isinstance(error, BusyError)
        if as_of is None and not busy:
            tell_of_refusal(config, error)
        if summary is not None:
            code = EXIT_BUSY if busy else EXIT_INPUT
            write_summary(summary, {"exit_code": code, "refusal": error.as_record()})
        raise
    if summary is not None:
        write_summary(summary, summarise_run(outcome, find_exit_code(outcome)))
    return outcome


def tell_of_refusal(config: Path, error: InputError) -> None:
    """Send an alarm that a run could not be done, where somebody is to be told and can be."""
    from ..alarms.outbox import queue_failures
    from ..alarms.send import find_undelivered, send_waiting, utc_now
    from ..project.config import load_config
    from ..words.instants import Instants

    lost: list[str] = []
    try:
        found = load_config(config)
        if any(spec.on == "failed" for spec in found.alarms):
            now = utc_now()
            queue_failures(found, Instants.now(now, now), [("run", str(error))])
            lost = [f"{one.alarm.target}: {one.error}" for one in find_undelivered(send_waiting(found))]
    except InputError as refused:  # the configuration or the state cannot be read
        lost = [str(refused)] if str(refused) != str(error) else []
    for reason in lost:
        sys.stderr.write(f"deskcast: alarm not delivered: {reason}\n")


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
