"""From a number of the KPI history to its cases, as a stage: a table, and a sentence that states the number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...features.errors import InputError
from ...features.kpis.cases_behind import find_cases_behind
from ...features.kpis.catalogue import find_kpi_unit
from ..project.project import Project
from ..stage import Stage
from ..words.facts import Finding
from ..words.figures import figure, figures_table
from ..words.words import format_kpi
from .history import history_limits

#: The table of what the sentence says.
FIGURES = "cases_behind_figures"


def cases_behind_stage(
    project: Project, kpi: str, period: str, by: Mapping[str, str], state: str | None = None, freq: str | None = None
) -> Stage:
    """Return the cases behind one number.

    Parameters
    ----------
    project
        Its log, and the limits that it counts with.
    kpi, period, by, state, freq
        As for :func:`deskcast.features.kpis.cases_behind.find_cases_behind`.

    Returns
    -------
    Stage
        Table ``cases_behind``.
    """
    limits = history_limits(project.config.history)
    table = find_cases_behind(project.log, kpi, period, by, state=state, freq=freq, limits=limits)
    linked = table["case_id"].notna()
    cases = figure(FIGURES, "cases behind", f"{kpi}, {period}", float(linked.sum()))
    counted = figure(FIGURES, "sample size", f"{kpi}, {period}", float(table["n"].sum()))
    where = ", ".join([period, *by.values()])
    said = f"{format_kpi(kpi)}, {where}"
    facts = [cases, counted]
    if find_kpi_unit(kpi) == "share" and state is None and counted.value > 0:
        value = figure(FIGURES, "value", f"{kpi}, {period}", table["numerator"].sum() / counted.value, "share")
        hits = figure(FIGURES, "numerator", f"{kpi}, {period}", float(table["numerator"].sum()))
        facts.append(hits)
        text = f"{said}: {value} ({hits} of {counted}), counted from {cases:case}."
        facts.append(value)
    else:
        text = f"{said}{f', {state}' if state else ''}: {cases:case}."
    if (~linked).any():
        others = figure(FIGURES, "rows without a case", f"{kpi}, {period}", float((~linked).sum()))
        text += f" {others:row} of it {'belongs' if others.value == 1 else 'belong'} to no case."
        facts.append(others)
    finding = Finding(text, *facts, audience="everyone")
    metrics = {"cases": float(linked.sum())}
    return Stage("cases", {"cases_behind": table} | figures_table(FIGURES, [finding]), (finding,), {}, metrics)


def read_segment(given: Sequence[str]) -> dict[str, str]:
    """Read ``column=value`` as options give it.

    >>> read_segment(["region=Ireland", "channel=web"])
    {'region': 'Ireland', 'channel': 'web'}
    """
    segment: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise InputError(
                "not a valid segment", where="--by", got=text, wanted="COLUMN=VALUE", hint="--by region=Ireland",
                code="command.invalid",
            )  # fmt: skip
        if name.strip() in segment:
            raise InputError("duplicate column", where="--by", got=text, code="column.doubled")
        segment[name.strip()] = value.strip()
    return segment
