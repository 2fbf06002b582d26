"""What one section of a configuration says of another: calendars, queues, policies, KPIs that must be there."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ...features.errors import InputError, did_you_mean
from ...features.kpis.catalogue import KPI_ENTRIES, find_kpi_unit
from ...forecasting.staffing.shrinkage import SHRINKAGE_PARTS
from .specs import Config, SlaSpec, StaffingSpec


def _check_references(config: Config, where: str) -> None:
    """Refuse a calendar that no section declares, a goal for no KPI, and shares outside 0 to 1."""
    used = [(f"[[sla]] {s.metric}", s.calendar) for s in config.slas]
    used += [("[forecast]", config.forecast.calendar), ("[history]", config.history.calendar)]
    used += [(f"[staffing.{n}]", s.calendar) for n, s in config.staffing.items()]
    for section, calendar in used:
        if calendar is not None and calendar not in config.calendars:
            hint = did_you_mean(calendar, tuple(config.calendars)) if config.calendars else "add [calendar.NAME]"
            raise InputError(
                "there is no such calendar", where=f"{where} {section}", column="calendar", got=calendar, hint=hint
            )
    for goal in config.goals:
        if not find_kpi_unit(goal.kpi):
            hint = did_you_mean(goal.kpi, [entry.name for entry in KPI_ENTRIES])
            raise InputError(
                "there is no such KPI", where=f"{where} [[goal]] {goal.name}", column="kpi", got=goal.kpi, hint=hint
            )
    for sla in config.slas:
        _check_sla(sla, f"{where} [[sla]] {sla.metric}")
    for name, queue in config.staffing.items():
        _check_queue(name, queue, where)
    for name, shift in config.shifts.items():
        if shift.queue not in config.staffing:
            hint = did_you_mean(shift.queue, tuple(config.staffing)) if config.staffing else "add [staffing.NAME]"
            place = f"{where} [shifts.{name}]"
            raise InputError("there is no such queue", where=place, column="queue", got=shift.queue, hint=hint)


def _check_queue(name: str, queue: StaffingSpec, where: str) -> None:
    place, kinds = f"{where} [staffing.{name}]", ("calls", "chat", "cases")
    if queue.kind not in kinds:
        raise InputError(
            "unknown kind", where=place, column="kind", got=queue.kind, hint=did_you_mean(queue.kind, kinds)
        )
    least = (("concurrency", queue.concurrency, 1.0), ("slowdown", queue.slowdown, 0.0))
    for key, value, bound in least:
        if not bound <= value < math.inf:
            raise InputError(
                "the number is out of range", where=place, column=key, got=value, wanted=f"a number from {bound:g}"
            )
    if queue.patience_s is not None and queue.patience_s <= 0:
        raise InputError(
            "the time is out of range", where=place, column="patience", got="0 s", wanted="a duration above 0"
        )
    if not (queue.interval_s >= 60 and queue.interval_s % 60 == 0 and 86400 % queue.interval_s == 0):
        wanted = "minutes that fit a day a whole number of times, such as '15min', '30min' or '1h'"
        raise InputError(
            "not an interval to plan by", where=place, column="interval", got=f"{queue.interval_s:g} s", wanted=wanted
        )
    whole = queue.shrinkage.items() if isinstance(queue.shrinkage, Mapping) else [("shrinkage", queue.shrinkage)]
    shares = [("service_level", queue.service_level), *whole]
    shares += [("confidence", queue.confidence)] if queue.confidence is not None else []
    for key, value in shares:
        if not 0 <= value < 1:
            raise InputError("this must be a share", where=place, column=key, got=value, wanted="0 to below 1")
    if queue.shrinkage_parts not in SHRINKAGE_PARTS:
        hint = did_you_mean(queue.shrinkage_parts, SHRINKAGE_PARTS)
        raise InputError(
            "unknown way to join parts", where=place, column="shrinkage_parts", got=queue.shrinkage_parts, hint=hint
        )
    added = sum(float(value) for _, value in whole)
    if queue.shrinkage_parts == "add" and added >= 1:
        raise InputError("the parts leave no time", where=place, column="shrinkage", got=added, wanted="a sum below 1")
    if not 0 < queue.max_occupancy <= 1:
        wanted = "above 0 and up to 1"
        raise InputError(
            "this must be a share", where=place, column="max_occupancy", got=queue.max_occupancy, wanted=wanted
        )


def _check_sla(sla: SlaSpec, where: str) -> None:
    clocks = ("calendar", "business", "due", "source")
    if sla.clock not in clocks:
        raise InputError(
            "unknown clock", where=where, column="clock", got=sla.clock, hint=did_you_mean(sla.clock, clocks)
        )
    if sla.clock not in ("source", "due") and sla.target_s is None:
        raise InputError("this key is needed", where=where, column="target", hint="a duration such as '6h'")
    if sla.clock == "business" and sla.calendar is None:
        raise InputError("a business clock needs a calendar", where=where, column="calendar")
