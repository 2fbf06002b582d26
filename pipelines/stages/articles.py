"""Help articles one by one, as a stage: each with its deflection, and what the weak ones cost, the dearest first."""

from __future__ import annotations

import pandas as pd

from ...features.kpis.article_table import ARTICLE, fetch_article_rows, measure_articles
from ...features.kpis.availability import describe_missing_data
from ...features.kpis.kpi_history import kpi_history
from ...models.comparison.compare import MIN_CASES, compare_units
from ..project.project import Project
from ..stage import Stage
from ..words.facts import Cell, Fact, Finding
from ..words.figures import figure, figures_table, setting
from .history import history_limits

FIGURES = "article_figures"
#: Days before the end of the log that are counted.
DEFAULT_DAYS = 365
#: More weak articles than this are in the table only.
MAX_ARTICLES_NAMED = 3
WEAK, NEVER_JUDGED = "lower than expected", "too few to tell"


def articles_stage(project: Project, days: int = DEFAULT_DAYS) -> Stage:
    """Measure every help article, and compare how many of its readers open a case with those of all others.

    Returns
    -------
    Stage
        Table ``articles``: the columns of :func:`deskcast.features.kpis.article_table.measure_articles`, expected (the
        deflection of all), verdict, avoidable_cases (beyond those that the other articles would have let through),
        cost (of all cases that came) and avoidable_cost; where the log has no costs, these two are missing. The
        article with most to save first.

    Raises
    ------
    InputError
        If the log has no views of articles.
    """
    log, limits = project.log, history_limits(project.config.history)
    since = log.until.tz_convert(log.timezone).tz_localize(None).normalize() - pd.Timedelta(days=days)
    table = measure_articles(log, since, limits)
    sessions = fetch_article_rows(log, "deflection_rate", since, limits)
    table = _add_verdicts(table, sessions)
    others = (table["cases"].sum() - table["cases"]) / (table["sessions"].sum() - table["sessions"])
    table["avoidable_cases"] = table["cases"] - table["sessions"] * others
    price = _cost_per_case(project, since)
    table["cost"], table["avoidable_cost"] = table["cases"] * price, table["avoidable_cases"] * price
    table = table.sort_values(["avoidable_cases", ARTICLE], ascending=[False, True], ignore_index=True)
    overall = kpi_history(log, "deflection_rate", limits=limits, open_period=True)
    findings = _sentences(table, overall[overall["ds"] >= since], days)
    metrics = {"articles": float(len(table))}
    return Stage("articles", {"articles": table} | figures_table(FIGURES, findings), tuple(findings), {}, metrics)


def _add_verdicts(table: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Judge each article by the funnel of :mod:`deskcast.models.comparison.compare`."""
    table = table.assign(expected=float("nan"), verdict=NEVER_JUDGED)
    if sessions[ARTICLE].nunique() < 2:
        return table
    if sessions["numerator"].nunique() == 1:  # all readers do the same, so no article differs
        same = table["verdict"].where(table["sessions"] < MIN_CASES, "as expected")
        return table.assign(expected=float(sessions["numerator"].iloc[0]), verdict=same)
    rows = pd.DataFrame({"unit": sessions[ARTICLE], "outcome": sessions["numerator"], "session": sessions["other_row"]})
    compared = compare_units(rows.reset_index(drop=True), cluster="session").table.set_index("unit")
    found = compared.reindex(table[ARTICLE])
    return table.assign(expected=found["expected"].to_numpy(), verdict=found["verdict"].fillna(NEVER_JUDGED).to_numpy())


def _cost_per_case(project: Project, since: pd.Timestamp) -> float:
    """Return what a case costs in the months of these days, missing where the log has no costs."""
    if describe_missing_data(project.log, "cost_per_case"):
        return float("nan")
    history = kpi_history(project.log, "cost_per_case", freq="MS")
    history = history[(history["ds"] >= since.to_period("M").start_time) & history["value"].notna()]
    return float(history["numerator"].sum() / history["n"].sum()) if history["n"].sum() else float("nan")


def _sentences(table: pd.DataFrame, daily: pd.DataFrame, days: int) -> list[Finding]:
    """State the deflection rate of all sessions, each counted once, and the articles below what is expected."""
    count = figure(FIGURES, "articles", "all", float(len(table)))
    span = setting("days", days)
    total = daily["n"].sum()
    rate = float(daily["numerator"].sum() / total) if total else float("nan")
    overall = figure(FIGURES, "deflection rate", "all", rate, "share")
    weak = table[table["verdict"] == WEAK]
    few = figure(FIGURES, "articles with too few sessions", "all", float((table["sessions"] < MIN_CASES).sum()))
    low = figure(FIGURES, "weak articles", "all", float(len(weak)))
    limit = setting("sessions for a verdict", MIN_CASES)
    text = (
        f"{count:article} in {span:day}, deflection rate {overall}: {low} below what is expected, {few} with too few "
    )
    text += f"sessions to tell (fewer than {limit})."
    found = [Finding(text, count, span, overall, low, few, limit, audience="everyone")]
    return found + [_describe_weak(table, name) for name in weak[ARTICLE].head(MAX_ARTICLES_NAMED)]


def _describe_weak(table: pd.DataFrame, name: str) -> Finding:
    """State how many readers of a weak article open a case all the same, and what that costs."""

    def at(column: str, unit: str = "count") -> Fact:
        return Fact.at(Cell("articles", column, {ARTICLE: name}), {"articles": table}, column, name, unit)

    rate, low, high, expected = (at(column, "share") for column in ("deflection_rate", "lo", "hi", "expected"))
    sessions, cases, money = at("sessions"), at("cases"), at("avoidable_cost", "money")
    text = (
        f"Article {name} answers too little: {rate} of {sessions:session} without a case ({low} to {high}), expected "
    )
    text += f"{expected}. {cases:case} came"
    facts = [rate, sessions, low, high, expected, cases]
    if not pd.isna(money.value):
        text, facts = (
            f"{text}; at the rate of the other articles they would have cost about {money} less",
            [*facts, money],
        )
    return Finding(f"{text}.", *facts, audience="everyone")
