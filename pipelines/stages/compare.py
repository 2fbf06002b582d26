"""Teams, sites and agents compared, as a stage: observed against expected, and what all would gain at their best."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.cases.credits import credited_agents, find_team_of_agents, has_agents
from ...features.errors import InputError
from ...features.kpis.availability import describe_missing_data
from ...features.kpis.catalogue import find_kpi
from ...features.kpis.cells import MISSING_SEGMENT
from ...features.kpis.kpi_history import find_unsplit_kpis
from ...features.kpis.outcome_rows import fetch_outcomes
from ...models.comparison.compare import MIN_CASES, POWER, UNJUDGED, VERDICTS, Comparison, compare_units
from ...models.comparison.funnel import MIN_UNITS
from ..project.project import Project
from ..stage import Stage
from ..words.facts import Cell, Fact, Finding
from ..words.figures import figure, figures_table, setting
from ..words.words import format_kpi
from .history import history_limits
from .people import MIN_PEOPLE, Pseudonyms, check_by_agent, is_by_agent

FIGURES = "comparison_figures"
#: Shares that are compared where none is named.
COMPARED_KPIS = ("sla_attainment", "resolved_within_2d", "reopen_rate", "first_contact_resolution", "csat")
#: Days before the end of the log that are compared.
DEFAULT_DAYS = 365


def compare_stage(project: Project, by: str, kpis: Sequence[str] = (), days: int = DEFAULT_DAYS) -> Stage:
    """Compare units of work by shares, with the mix of their cases taken out.

    Parameters
    ----------
    project
        Its log and settings.
    by
        ``team``, ``agent``, or any column of the cases, such as a site.
    kpis
        Shares; by default those of :data:`COMPARED_KPIS` that this log allows.
    days
        So many days before the end of the log.

    Returns
    -------
    Stage
        Table ``comparison``, by KPI and name of the unit: never a ranking.

    Raises
    ------
    InputError
        If by agent is not allowed, or a KPI is no share of cases.
    """
    by_agent, log = check_by_agent(project, [by]), project.log
    unsplit = set(find_unsplit_kpis(log, list(COMPARED_KPIS), by))
    possible = [k for k in COMPARED_KPIS if k not in unsplit and not describe_missing_data(log, k)]
    chosen = list(dict.fromkeys(kpis)) or possible
    if not chosen:
        lacks = next((f"{k}: {why}" for k in COMPARED_KPIS if (why := describe_missing_data(log, k))), None)
        problem = "no share of cases can be compared"
        raise InputError(problem, where="--by", got=by, hint=lacks, code="kpi.unavailable")
    small = set() if by_agent else _find_small_groups(project, by)
    names = Pseudonyms(project) if by_agent else None
    tables, findings = [], []
    for kpi in chosen:
        compared = _compare(project, by, kpi, days, small)
        if compared is None:
            findings.append(Finding(f"{format_kpi(kpi)}: no two units to compare.", audience="planner"))
            continue
        table = compared.table if names is None else names.hide_agents(compared.table, "unit")
        if names is not None:
            table = table.sort_values("unit", ignore_index=True)
        table.insert(0, "kpi", kpi)
        tables.append(table)
        findings += _sentences(kpi, compared, table, by.replace("_", " "))
    if not tables:
        raise InputError("nothing to compare", where="--by", got=by, wanted="two units or more", code="kpi.unavailable")
    if small:
        groups = figure(FIGURES, "groups left out", by, float(len(small)))
        limit = setting("people of a group", MIN_PEOPLE)
        text = f"{groups:group} of fewer than {limit} people left out, as figures would be those of a person."
        findings.append(Finding(text, groups, limit, audience="planner"))
    result = {"comparison": pd.concat(tables, ignore_index=True)}
    return Stage("compare", result | figures_table(FIGURES, findings), tuple(findings), {"by": by}, {})


def _compare(project: Project, by: str, kpi: str, days: int, small: set[str]) -> Comparison | None:
    rows, mix = fetch_outcomes(project.log, kpi, by, history_limits(project.config.history))
    since = project.log.until.tz_convert(project.log.timezone).tz_localize(None) - pd.Timedelta(days=days)
    rows = rows[(rows["day"] >= since) & (rows[by] != MISSING_SEGMENT) & ~rows[by].isin(small)]
    if rows[by].nunique() < 2:
        return None
    if is_by_agent(project.log, [by]):  # an agent is compared with others who do the same work
        rows = rows.assign(mix_team=rows[by].map(find_team_of_agents(project.log)))
        mix = (*mix, "mix_team")
    entry = find_kpi(kpi)
    cluster = "customer_id" if "customer_id" in rows else "case_id"
    return compare_units(
        rows.rename(columns={by: "unit"}).reset_index(drop=True), cluster=cluster, mix=[m for m in mix if m != by],
        higher_is_better=entry is None or entry.better != "lower",
    )  # fmt: skip


def _find_small_groups(project: Project, by: str) -> set[str]:
    """Return the units in which fewer people worked than may be shown as a group, where the log tells who did."""
    log = project.log
    if not has_agents(log) or by not in log.table("cases").columns:
        return set()
    who, cases = credited_agents(log, "touch"), log.table("cases")
    units = cases.select(_of="case_id", _unit=cases[by].cast("string"))
    joined = who.inner_join(units, who.case_id == units["_of"])
    people = fetch(joined.group_by("_unit").agg(people=joined.agent.nunique())).set_index("_unit")["people"]
    return set(people.index[people < MIN_PEOPLE].dropna())


def _sentences(kpi: str, compared: Comparison, table: pd.DataFrame, by: str) -> list[Finding]:
    """State who lies beyond the limits, how much units differ, and what all would gain."""
    tables = {"comparison": table}
    overall = figure(FIGURES, "overall", kpi, compared.overall, "share")
    verdicts = table["verdict"]
    judged = figure(FIGURES, "units judged", kpi, float((~verdicts.isin(UNJUDGED)).sum()))
    head = f"{format_kpi(kpi)} {overall}"
    out: list[Finding] = []
    for word in ("lower than expected", "higher than expected"):
        for unit in table.loc[verdicts == word, "unit"]:
            keys = {"kpi": kpi, "unit": unit}
            facts = [
                Fact.at(Cell("comparison", column, keys), tables, column, f"{kpi}, {unit}", "share")
                for column in ("observed", "expected", "lo", "hi")
            ]
            seen, expected, low, high = facts
            text = f"{head}: {unit} {seen}, {word} for its cases ({expected}); adjusted {low} to {high}."
            out.append(Finding(text, overall, *facts, audience="everyone"))
    same = figure(FIGURES, "units as expected", kpi, float((verdicts == "as expected").sum()))
    few = figure(FIGURES, "units with too few cases", kpi, float((table["n"] < MIN_CASES).sum()))
    limit = setting("cases for a verdict", MIN_CASES)
    text = f"{head} by {by}: {same} of {judged} as expected, {few} with fewer than {limit} cases."
    out.append(Finding(text, overall, same, judged, few, limit, audience="everyone"))
    alone = list(table.loc[verdicts == VERDICTS[4], "unit"])
    if alone:
        count = figure(FIGURES, "units of their own kind", kpi, float(len(alone)))
        text = f"{format_kpi(kpi)}: {count} of them {'works' if len(alone) == 1 else 'work'} mostly on kinds of cases "
        text += "that no other has: there the mix of cases and the work cannot be told apart."
        out.append(Finding(text, count, audience="planner"))
    return out + _gain_sentences(kpi, compared, table, by)


def _gain_sentences(kpi: str, compared: Comparison, table: pd.DataFrame, by: str) -> list[Finding]:
    judged = int((~table["verdict"].isin(UNJUDGED)).sum())
    if not compared.spread.is_known:
        least = setting("units for a spread", MIN_UNITS)
        count = figure(FIGURES, "units judged", kpi, float(judged))
        text = (
            f"{format_kpi(kpi)}: {count} are too few to tell how much a {by} differs beyond chance (at least {least})."
        )
        return [Finding(text, count, least, audience="analyst")]
    if compared.gain is None:
        points = figure(FIGURES, "detectable, points", kpi, round(100 * float(table["detectable"].median())))
        chance = setting("power", POWER, "share")
        text = f"{format_kpi(kpi)}: no difference beyond chance can be shown; one of {points:point} would be seen "
        text += f"in a {by} of the usual size with a chance of {chance}."
        return [Finding(text, points, chance, audience="everyone")]
    gain = compared.gain
    facts = [
        figure(FIGURES, name, kpi, round(value))
        for name, value in (("gain", gain.count), ("gain, low", gain.lo), ("gain, high", gain.hi))
    ]
    what = "fewer bad" if _is_bad_rare(kpi, compared.overall) else "more good"
    text = f"{format_kpi(kpi)}: if all worked as the best quarter does, about {facts[0]} {what} outcomes "
    text += f"({facts[1]} to {facts[2]}); a ceiling, as cases are not dealt at random."
    return [Finding(text, *facts, audience="everyone")]


def _is_bad_rare(kpi: str, overall: float) -> bool:
    """Return whether the rarer outcome is the bad one."""
    entry = find_kpi(kpi)
    higher = entry is None or entry.better != "lower"
    return (overall > 0.5) == higher
