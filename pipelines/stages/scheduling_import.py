"""A forecast with its handle times, in the form of another system's import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...features.calendars.periods import parse_period_frequency
from ...features.errors import InputError, did_you_mean
from ...features.kpis.volume_kpis import has_only_volumes
from ..project.project import Project
from ..project.specs import ForecastSpec, StaffingSpec
from ..stage import Stage
from ..store.scheduling_import import genesys_import
from .queue import describe_aht, read_handle_totals, slot_handle_times

if TYPE_CHECKING:
    from ...features.arrays import Floats

#: Forms that a forecast can be written in.
IMPORT_FORMS = ("genesys",)


def check_import_form(form: str) -> None:
    """Refuse a form that there is not.

    >>> check_import_form("genesis")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: option '--form': unknown form; got 'genesis' (did you mean 'genesys'?)
    """
    if form not in IMPORT_FORMS:
        raise InputError(
            "unknown form",
            where="--form",
            got=form,
            hint=did_you_mean(form, IMPORT_FORMS),
            code="value.unknown",
        )


def check_import_step(freq: str) -> None:
    """Reject a time step that the import does not take, before any work is done.

    >>> check_import_step("D")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: column 'freq': the import takes quarters of an hour; got '1440min', ...
    """
    minutes = parse_period_frequency(freq).minutes
    rows = pd.DataFrame({"unique_id": [], "ds": pd.to_datetime([]), "deskcast": []})
    genesys_import(rows, 0.0, slot_s=60.0 * (minutes or 1e9), timezone="UTC")


def format_import(project: Project, stage: Stage, spec: ForecastSpec) -> pd.DataFrame:
    """Return the forecast of a stage as the import of Genesys Cloud, each series with its own handle time.

    Raises
    ------
    InputError
        If the slots are no quarters of an hour, or a series has no handle time.
    """
    minutes = parse_period_frequency(spec.freq).minutes
    ahead = stage.tables["forecast"]
    parts = []
    for name, rows in ahead.groupby("unique_id", sort=False):
        where = dict(zip(spec.by, str(name).split("/"), strict=True)) if spec.by else {}
        each = _handle_times(project, where, str(name), rows["ds"])
        shown = rows.assign(unique_id=_queue_name(project, str(name)))
        share = _answered_share(project, where)
        parts.append(
            genesys_import(
                shown, each, slot_s=60.0 * (minutes or 1e9), timezone=project.log.timezone, answered_share=share
            )
        )
    return pd.concat(parts, ignore_index=True)


def _handle_times(project: Project, where: dict[str, str], name: str, slots: pd.Series[Any]) -> float | Floats:
    """Return the handle time of a series: of the queue that is planned for it, else as the log tells."""
    queues = project.config.staffing
    spec = next((q for q in queues.values() if dict(q.where) == where), None) or queues.get(name)
    spec = spec or (next(iter(queues.values())) if len(queues) == 1 else StaffingSpec())
    read = read_handle_totals(project.log, where, spec)
    aht, _ = describe_aht(read, spec, name)
    return np.asarray(slot_handle_times(read, slots.reset_index(drop=True), aht), dtype=float)


def _queue_name(project: Project, name: str) -> str:
    """Return the name of the only series of a report where the forecast is that of all."""
    if name != "all" or not project.log.has("volumes", "unique_id"):
        return name
    names = project.log.frame(project.log.table("volumes").select("unique_id").distinct())["unique_id"]
    if len(names) > 1:
        raise InputError(
            "missing queues: the forecast is of all", column="by", got=f"{len(names)} queues",
            hint="deskcast forecast --by unique_id",
            code="value.range",
        )  # fmt: skip
    return str(names.iloc[0])


def _answered_share(project: Project, where: dict[str, str]) -> float:
    """Return the share of the offered that a report says was answered; 1 where it does not say."""
    log = project.log
    if not has_only_volumes(log) or not log.has("volumes", "answered", *where):
        return 1.0
    rows = log.table("volumes")
    for column, value in where.items():
        rows = rows.filter(rows[column] == value)
    found = log.frame(rows.filter(rows.answered.notnull()).agg(a=rows.answered.sum(), y=rows.y.sum())).iloc[0]
    return float(min(1.0, found["a"] / found["y"])) if found["y"] else 1.0
