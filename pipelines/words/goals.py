"""Goals over time in sentences: how often each was met, that it was moved, and which no longer fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ...features.kpis.catalogue import find_kpi_unit
from ...features.kpis.purposes import PURPOSES, find_purposes
from ...models.goal_review import MIN_PERIODS, is_met
from .facts import Cell, Fact, Finding
from .figures import figure, setting
from .incidents import format_period
from .words import format_date, format_kpi, format_list

#: The table of what the sentences on goals say and no other table holds.
FIGURES = "goals_figures"
#: KPIs of a purpose that are named.
MAX_KPIS_NAMED = 4
_WHAT_TO_DO = {
    "fits": "It still tells good periods from bad ones.",
    "always met": "Set a harder one, or watch another KPI.",
    "never met": "Set one that can be reached, or find out what it would take.",
    "met by a move of the goal": "By the goal before it would have been missed.",
    "bought with another KPI": "Set a goal for both, or for the other.",
    "too few periods": "",
}


def past_sentences(past: pd.DataFrame) -> list[Finding]:
    """Say of each goal how many past periods met it, and that it was moved.

    A period whose last days are not known yet is none.
    """
    found = []
    for name, rows in past.groupby("name", sort=False):
        decided = rows[rows["met"].notna()]
        kpi = str(rows["kpi"].iloc[0])
        subject = f"{name}: {kpi}"
        if decided.empty:
            found.append(Finding(f"{_head(rows.iloc[0])}: no past period can be judged.", names=_names(rows)))
            continue
        met = figure(FIGURES, "periods met", subject, float(decided["met"].sum()))
        whole = figure(FIGURES, "periods decided", subject, float(len(decided)))
        text, facts = f"{_head(rows.iloc[0])}: met in {met} of {whole:past period}.", [met, whole]
        for row in rows[rows["moved_on"].notna()].drop_duplicates("moved_on").itertuples():
            said, more = _moved(row)
            text, facts = f"{text} {said}", [*facts, *more]
        found.append(Finding(text, *facts, names=_names(rows)))
    return found


def _moved(row: Any) -> tuple[str, list[Fact]]:
    """Say that the goal was moved, and whether the old one would have been met."""
    unit, keys = find_kpi_unit(str(row.kpi)) or "score", {"name": row.name, "kpi": row.kpi, "start": row.start}
    old, new, value = (
        Fact("goal", f"{row.name}: {row.kpi}", getattr(row, column), unit, cell=Cell("goal_periods", column, keys))
        for column in ("target_before", "target", "value")
    )
    text = f"The goal was moved from {old} to {new} on {format_date(row.moved_on)}"
    met_old = is_met(row.value, row.target_before, str(row.better))
    if pd.notna(row.met) and bool(row.met) != met_old:
        does = "meets it, and would have missed" if row.met else "misses it, and would have met"
        return f"{text}: {value} {format_period(row.start, row.end)} {does} the old one.", [old, new, value]
    return f"{text}.", [old, new]


def review_sentences(review: pd.DataFrame) -> list[Finding]:
    """Say of each goal whether it still fits, and what to do with it."""
    found = []
    row: Any
    for row in review.itertuples():
        keys = {"name": row.name, "kpi": row.kpi}
        subject, unit = f"{row.name}: {row.kpi}", find_kpi_unit(str(row.kpi)) or "score"
        target = Fact("goal", subject, row.target, unit, cell=Cell("goal_review", "target", keys))
        met, whole = (
            Fact("goal", subject, getattr(row, c), cell=Cell("goal_review", c, keys))
            for c in ("periods_met", "periods")
        )
        facts = [target, met, whole]
        text, is_on_all = f"{_head(row)} ({target}): {row.verdict}", row.periods_met in (0, row.periods)
        if row.verdict not in ("always met", "never met"):
            text = f"{text}, met in {met} of {whole:past period}."
        elif is_on_all:
            text = f"{text}, {met} of {whole:past period}."
        else:  # the verdict is on the last ones
            last = setting("periods for a verdict", MIN_PERIODS)
            text, facts = f"{text} in the last {last:period}; {met} of {whole:past period} met it.", [*facts, last]
        if row.verdict in ("always met", "never met"):
            level = Fact("goal", subject, row.level, unit, cell=Cell("goal_review", "level", keys))
            text, facts = f"{text} Half of the periods reached {level}.", [*facts, level]
        others = [format_kpi(kpi) for kpi in str(row.bought_with).split("; ") if kpi]
        text += f" {format_list(others)} got worse as it got better." if others else ""
        found.append(Finding(f"{text} {_WHAT_TO_DO[str(row.verdict)]}".rstrip(), *facts, names=_names(row, others)))
    return found


def purpose_sentences(table: pd.DataFrame, goals: Sequence[tuple[str, str, str]]) -> list[Finding]:
    """Say which KPIs serve each purpose, which of them have a goal, and which goals do not serve what they are for.

    ``goals`` are name, KPI and purpose (empty where none is said).
    """
    found = []
    for purpose in PURPOSES:
        rows = table[(table["serves"] == purpose) & table["available"].astype(bool)]
        with_goal = [format_kpi(kpi) for kpi in rows.loc[rows["goal"] != "", "kpi"]]
        without = [format_kpi(kpi) for kpi in rows.loc[rows["goal"] == "", "kpi"]][:MAX_KPIS_NAMED]
        held = f"goal on {format_list(with_goal)}" if with_goal else "no goal"
        more = f"; {format_list(without)} {'serves' if len(without) == 1 else 'serve'} it" if without else ""
        more += " too" if more and with_goal else ""
        found.append(Finding(f"{purpose.capitalize()}: {held}{more}.", names=[*with_goal, *without]))
    for name, kpi, serves in dict.fromkeys(goals):
        if serves and serves not in find_purposes(kpi):
            text = f"{name}: {format_kpi(kpi)} does not serve {serves}."
            found.append(Finding(text, names=[name, format_kpi(kpi)]))
    return found


def _head(row: Any) -> str:
    where = "" if row.series == "all" else f" ({row.series})"
    return f"{format_kpi(str(row.kpi))}{where} goal"


def _names(rows: Any, more: Sequence[str] = ()) -> list[str]:
    series, kpi = (str(rows[c].iloc[0]) if isinstance(rows, pd.DataFrame) else str(getattr(rows, c)) for c in
                   ("series", "kpi"))  # fmt: skip
    return [series, format_kpi(kpi), *more]
