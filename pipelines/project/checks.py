"""Values of a configuration that the rooms would refuse one by one, refused before any work is done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from ...features.errors import InputError, did_you_mean
from ...features.kpis.availability import KPI_CATALOGUE
from ...features.kpis.catalogue import find_kpi, find_kpi_unit
from .specs import ActionSpec, Config, ForecastSpec

_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")


def check_values(config: Config, where: str) -> None:
    """Refuse frequencies, KPIs, promises, levels, days and times of day that do not exist.

    Raises
    ------
    InputError
        Names the section and the key, what came and what was wanted.
    """
    _check_frequencies(config, where)
    _check_kpis(config, where)
    _check_slas(config, where)
    _check_watch(config, where)
    check_risk(config, where)
    for event in config.events:
        _check_days(event, f"{where} [[event]] {event.name}")
    check_forecast(config.forecast, f"{where} [forecast]")
    if not _CLOCK.fullmatch(config.risk.at):
        wanted = "a time such as '08:00'"
        raise InputError(
            "this is not a time of day", where=f"{where} [risk]", column="at", got=config.risk.at, wanted=wanted
        )


def check_forecast(spec: ForecastSpec, where: str) -> None:
    """Refuse levels, a KPI, models and a way to add up that do not exist."""
    for level in spec.levels:
        if not 0 < level < 100:
            wanted = "percent such as 80 or 95"
            raise InputError("there is no such level", where=where, column="levels", got=level, wanted=wanted)
    if spec.kpi and not find_kpi_unit(spec.kpi):
        hint = did_you_mean(spec.kpi, list(KPI_CATALOGUE))
        raise InputError("there is no such KPI", where=where, column="kpi", got=spec.kpi, hint=hint)
    ways = ("wls", "variance", "bottom_up", "none")
    if spec.reconcile not in ways:
        hint, wanted = did_you_mean(spec.reconcile, ways), ", ".join(ways)
        raise InputError(
            "unknown way to add up", where=where, column="reconcile", got=spec.reconcile, wanted=wanted, hint=hint
        )
    if spec.models != ("auto",):
        from ...forecasting.methods.registry import check_models

        check_models(spec.models[0] if len(spec.models) == 1 else spec.models)


def _check_frequencies(config: Config, where: str) -> None:
    from ...features.calendars.periods import parse_period_frequency

    for section, name in (("history", config.history.freq), ("forecast", config.forecast.freq)):
        try:
            parse_period_frequency(name)
        except InputError as error:
            place = f"{where} [{section}]"
            raise InputError(error.problem, where=place, column="freq", got=name, hint=error.hint) from error


def _check_kpis(config: Config, where: str) -> None:
    for section, names in (("history", config.history.kpis), ("watch", config.watch.kpis)):
        for name in names:
            if find_kpi(name) is None:
                hint = did_you_mean(name, list(KPI_CATALOGUE))
                raise InputError(
                    "there is no such KPI", where=f"{where} [{section}]", column="kpis", got=name, hint=hint
                )


def _check_watch(config: Config, where: str) -> None:
    for key in ("false_alerts_per_week", "min_volume", "min_effect"):
        value = getattr(config.watch, key)
        if not (0 <= value < float("inf")) or (key == "false_alerts_per_week" and value == 0):
            wanted = "a number above 0" if key == "false_alerts_per_week" else "a number from 0"
            raise InputError(
                "the number is out of range", where=f"{where} [watch]", column=key, got=value, wanted=wanted
            )
    choices = {"better": (None, "higher", "lower"), "period": ("W", "MS", "QS", "YS")}
    for goal in config.goals:
        for key, allowed in choices.items():
            if getattr(goal, key) not in allowed:
                wanted = ", ".join(name for name in allowed if name)
                place = f"{where} [[goal]] {goal.name}"
                raise InputError(f"unknown {key}", where=place, column=key, got=getattr(goal, key), wanted=wanted)


def _check_slas(config: Config, where: str) -> None:
    from ...features.sla.policies import SLA_METRICS
    from ...features.sla.presets import POLICY_OPTIONS, PRESETS

    choices = {"preset": tuple(name for name in PRESETS if name)} | dict(POLICY_OPTIONS)
    for number, sla in enumerate(config.slas, 1):
        if sla.clock != "source" and sla.metric not in SLA_METRICS:
            hint = f"{did_you_mean(sla.metric, SLA_METRICS)}; a flag of the exporting system needs clock = 'source'"
            place = f"{where} [[sla]] {number}"
            raise InputError("unknown metric", where=place, column="metric", got=sla.metric, hint=hint)
        for key, allowed in choices.items():
            if getattr(sla, key) not in (None, *allowed):
                got, near = getattr(sla, key), did_you_mean(getattr(sla, key), allowed)
                place, wanted = f"{where} [[sla]] {number}", f"one of {', '.join(allowed)}"
                raise InputError(f"unknown {key}", where=place, column=key, got=got, wanted=wanted, hint=near)


def local_days(event: Mapping[str, Any], zone: str) -> dict[str, Any]:
    """Return an event with its instants as days of the desk's own clock; what is no time stays for the check."""
    import pandas as pd

    out = dict(event)
    for key in ("start", "end"):
        given = out.get(key)
        stamp = pd.to_datetime(given, errors="coerce") if isinstance(given, (str, date)) else None
        if isinstance(stamp, pd.Timestamp):
            local = stamp.tz_convert(zone) if stamp.tzinfo is not None else stamp
            out[key] = f"{local:%Y-%m-%d}"
    return out


def _check_days(event: Any, place: str) -> None:
    import pandas as pd

    days = []
    for key in ("start", "end"):
        day = pd.to_datetime(getattr(event, key), errors="coerce")
        if pd.isna(day):
            got = getattr(event, key)
            raise InputError("this is not a day", where=place, column=key, got=got, wanted="such as 2024-12-24")
        days.append(day)
    if days[1] < days[0]:
        raise InputError("the event ends before it starts", where=place, column="end", got=event.end)


#: What a condition of an action may be about.
ACTION_CONDITIONS = (
    *(
        "reason",
        "risk_level",
        "priority",
        "team",
        "owner",
        "status",
        "channel",
        "product",
        "region",
        "case_type",
        "paused",
    ),
)


def check_risk(config: Config, where: str) -> None:
    """Refuse actions with conditions that do not exist, and numbers out of range.

    Raises
    ------
    InputError
        Names the section and the key, what came and what was wanted.
    """
    for number, action in enumerate(config.actions, 1):
        place = f"{where} [[action]] {number}"
        _check_when(action, place)
        if not 0 <= action.success_rate <= 1:
            raise InputError(
                "this must be a share", where=place, column="success_rate", got=action.success_rate, wanted="0 to 1"
            )
        if action.effort_s is not None and action.effort_s <= 0:
            raise InputError("work takes some time", where=place, column="effort", got="0 s", wanted="above 0")
    spec, place = config.risk, f"{where} [risk]"
    for key, seconds in (("effort", spec.effort_s), ("capacity", spec.capacity_s)):
        if seconds is not None and seconds <= 0:
            raise InputError("the time is out of range", where=place, column=key, got="0 s", wanted="above 0")
    costs = spec.cost.values() if isinstance(spec.cost, Mapping) else [spec.cost]
    for cost in costs:
        if not 0 <= cost < float("inf"):
            raise InputError("a cost is not below 0", where=place, column="cost", got=cost)


def _check_when(action: ActionSpec, place: str) -> None:
    from ...models.candidates.feature_groups import FEATURE_GROUPS
    from ...models.worklist.ranking import RISK_LEVELS

    for key, wanted in action.when.items():
        if key not in ACTION_CONDITIONS:
            hint = did_you_mean(key, ACTION_CONDITIONS)
            raise InputError("there is no such condition", where=place, column="when", got=key, hint=hint)
        known = {"reason": FEATURE_GROUPS, "risk_level": RISK_LEVELS, "paused": ("yes", "no")}.get(key)
        for value in split_values(wanted):
            if known is not None and value not in known:
                hint = did_you_mean(value, known)
                raise InputError(f"there is no such {key}", where=place, column="when", got=value, hint=hint)


def split_values(text: str) -> list[str]:
    """Split the values of a condition at ``|``."""
    return [value.strip() for value in str(text).split("|")]
