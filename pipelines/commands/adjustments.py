"""What ``deskcast adjust`` reads and shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...forecasting.scenarios.what_if import Change
    from ..project.specs import Config
    from ..project.state_place import StatePlace
    from ..stage import Stage


def read_named_changes(events: Iterable[str], closed: Iterable[str], growth: Iterable[str]) -> list[Change]:
    """Return the changes of the command line, each with a name of its own: days and series where it has none.

    >>> [change.name for change in read_named_changes(["fair 2026-03-09 +30%"], ["2026-03-10"], ["5% phone"])]
    ['fair', 'closed 2026-03-10', 'growth phone']
    """
    from ..stages.assumptions import read_assumptions

    named = []
    for change in read_assumptions(events, closed, growth):
        parts = [change.name]
        if change.name in ("closed", "event"):
            parts.append(str(change.start))
        if change.name in ("closed", "event", "growth") and change.series:
            parts.append(str(change.series))
        named.append(replace(change, name=" ".join(parts)))
    return named


def check_adjusted_series(config: Path, changes: Iterable[Change]) -> None:
    """Refuse adjustments of what is no series of the forecast, no segment of one, and no queue.

    The names are those of the configured queues, of the last forecast, and of the case log, looked up in this order as
    far as they are needed. Where neither forecast nor log can be read, nothing is refused: the next forecast tells it.

    Raises
    ------
    InputError
        Names the series, and the nearest one that is known.
    """
    from ...features.errors import InputError
    from ..project.config import load_config
    from ..stages.adjusted import find_unknown_series, list_queue_names, list_series

    spec = load_config(config)
    queues = list_queue_names(spec)
    named = [change for change in changes if change.series and not set(list_series(change)) <= set(queues)]
    unknown: list[tuple[str, str | None]] = []
    for series in _list_known_series(config, spec) if named else ():
        unknown = [found for change in named for found in find_unknown_series(change, series, queues)]
        if not unknown:
            return
    if unknown:
        name, hint = unknown[0]
        problem = "no series, segment or queue has this name, so that the adjustment would change nothing"
        raise InputError(problem, where="adjust", got=name, hint=hint, code="value.unknown")


def _list_known_series(config: Path, spec: Config) -> Iterator[list[str]]:
    """Yield the names of the last forecast, and those of the case log as it is now, where they can be read."""
    from ...features.errors import InputError
    from ..project.project import open_project
    from ..stages.forecast_target import find_forecast_target
    from ..store.results import read_result_table

    def of_results() -> list[str]:
        return [str(name) for name in read_result_table(spec.results_folder, "forecast")["unique_id"].unique()]

    def of_log() -> list[str]:
        project = open_project(config)
        return [str(name) for name in find_forecast_target(project, spec.forecast).actuals["unique_id"].unique()]

    for read in (of_results, of_log):
        try:
            yield read()
        except InputError:
            continue  # not there: the other one tells, or the next forecast does


def list_adjustments(place: StatePlace) -> Stage:
    """Return the adjustments in force as a stage: one table, and how many there are."""
    import pandas as pd

    from ...forecasting.scenarios.what_if import describe_change
    from ..stage import Stage
    from ..state.adjustments import read_adjustments
    from ..state.database import read_state
    from ..words.facts import Cell, Fact, Finding

    with read_state(place) as state:
        kept = read_adjustments(state)
    rows = [
        (one.change.name, describe_change(one.change), str(one.change.series or "all"), one.by, one.at, one.reason)
        for one in kept
    ]
    table = pd.DataFrame(rows, columns=["name", "what", "series", "by", "at", "reason"])
    table["at"] = pd.to_datetime(table["at"], utc=True)
    count = Fact.at(Cell("adjustments", "name", take="count"), {"adjustments": table}, "adjustments", "all")
    said = Finding(f"{count:adjustment} in force.", count) if kept else "No adjustment is in force."
    return Stage("adjust", {"adjustments": table}, (said,))
