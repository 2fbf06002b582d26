"""Changes and hand-overs, as a stage: what each did, against those whom it did not touch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.cases.credits import credited_agents, has_agents
from ...features.errors import InputError, did_you_mean
from ...features.kpis.availability import describe_missing_data
from ...features.kpis.catalogue import find_kpi
from ...features.kpis.cells import MISSING_SEGMENT
from ...features.kpis.outcome_rows import fetch_outcomes
from ...features.kpis.view import AGENT, segment_columns
from ...models.comparison.effect import (
    MIN_OUTCOMES,
    MIN_WEEKS_AFTER,
    MIN_WEEKS_BEFORE,
    VERDICTS,
    Effect,
    describe_effect,
    estimate_effect,
    take_out_mix,
    write_points,
)
from ...models.comparison.handovers import find_handovers
from ..project.people_specs import ChangeSpec
from ..project.project import Project
from ..stage import Stage
from ..words.facts import Audience, Cell, Fact, Finding
from ..words.figures import setting
from ..words.words import format_date, format_kpi, format_share
from .compare import COMPARED_KPIS
from .history import history_limits
from .people import MIN_PEOPLE, Pseudonyms, check_by_agent

#: Shares on which effects are estimated where none is named.
CHANGED_KPIS = (*COMPARED_KPIS, "repeat_contact_rate")
#: A column with more values is no group that somebody owns.
MAX_GROUPS = 300
#: An effect of a hand-over is told where its chance, times the number of those looked at, is below.
MAX_P = 0.05
_NO_GROUPS = ("case_type", "channel", "priority", "team", "current_team", "current_priority", "status")
_EFFECT_COLUMNS = tuple(Effect.__dataclass_fields__)


def changes_stage(project: Project, *, nightly: bool = False) -> Stage:
    """Estimate what each ``[[change]]`` and each hand-over did.

    Parameters
    ----------
    project
        Its log and settings.
    nightly
        Whether it is for what every run records: then nothing is looked at by agent, and no hand-over.

    Returns
    -------
    Stage
        Tables ``change_effects`` and ``handovers``, as far as there are any.

    Raises
    ------
    InputError
        If a change touches a column or value that the log does not have, or single persons.
    """
    outcomes = _Outcomes(project)
    tables, findings = {}, []
    rows = []
    for change in project.config.changes:
        if nightly and change.column == AGENT:
            continue
        column = _check_change(project, change)
        for kpi in change.kpis or outcomes.kpis(column):
            found = outcomes.rows(kpi, column)
            found = found.assign(**{column: found[column].where(~found[column].isin(change.values), change.name)})
            effect = estimate_effect(found, change.day, column, change.name)
            rows.append({"change": change.name, "date": change.day, "kpi": kpi, "column": column} | asdict(effect))
            subject = f"{format_kpi(kpi)}, {change.name}"
            said = describe_effect(effect, subject, format_date(change.day))
            if nightly:  # sentences of a run are of at most 25 words
                head, mark, tail = said.rpartition("; ")
                said = f"{head}. {tail[:1].upper()}{tail[1:]}" if mark else said
            facts = effect_facts(effect, {"change": change.name, "kpi": kpi})
            audience: Audience = "everyone" if effect.verdict == VERDICTS[0] or not nightly else "planner"
            findings.append(Finding(said, *facts, audience=audience, names=[change.name]))
    if rows:
        tables["change_effects"] = pd.DataFrame(rows)
    handovers = None if nightly else _handovers(project, outcomes)
    if handovers is not None:
        tables["handovers"] = handovers
        findings += _handover_sentences(handovers)
    if not tables and not nightly:
        looked = has_agents(project.log)
        work = (
            "no work has changed hands" if looked else "the log does not tell who acted, so hand-overs cannot be found"
        )
        findings.append(Finding(f"No change is configured, and {work}.", audience="everyone"))
        tables["handovers"] = pd.DataFrame(columns=["column", "group", "kpi", "date"])
    return Stage("changes", tables, tuple(findings), {}, {"changes": float(len(project.config.changes))})


def effect_facts(effect: Effect, keys: Mapping[str, str]) -> list[Fact]:
    """Return the figures of the sentence on an effect, each with its cell in the table ``change_effects``."""
    subject = ", ".join(keys.values())

    def state(column: str, text: str = "") -> Fact:
        cell = Cell("change_effects", column, keys, "size")
        return Fact("change", subject, abs(getattr(effect, column)), cell=cell, text=text)

    if effect.verdict == VERDICTS[0]:
        return [state(column, write_points(getattr(effect, column))) for column in ("effect", "lo", "hi")]
    if effect.verdict == VERDICTS[1]:
        return [state("detectable", write_points(effect.detectable))]
    weeks = [state("weeks_after"), setting("weeks after a change", MIN_WEEKS_AFTER)]
    if effect.verdict == VERDICTS[2]:
        return weeks
    if np.isnan(effect.others_before) and np.isnan(effect.others_after):
        return []
    if effect.weeks_before < MIN_WEEKS_BEFORE:
        return [state("weeks_before"), setting("weeks before a change", MIN_WEEKS_BEFORE)]
    return [setting("outcomes of a change", MIN_OUTCOMES)]


class _Outcomes:
    """Outcomes of shares with the mix of cases taken out, fetched once for each share and column."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._held: dict[tuple[str, str], pd.DataFrame] = {}

    def kpis(self, column: str) -> list[str]:
        """Return the shares that this log allows."""
        return [kpi for kpi in CHANGED_KPIS if not describe_missing_data(self.project.log, kpi) and column]

    def rows(self, kpi: str, column: str) -> pd.DataFrame:
        """Return the outcomes of a share, those without a group left out."""
        if (kpi, column) not in self._held:
            limits = history_limits(self.project.config.history)
            rows, mix = fetch_outcomes(self.project.log, kpi, column, limits)
            rows = rows[rows[column] != MISSING_SEGMENT].reset_index(drop=True)
            self._held[kpi, column] = take_out_mix(rows, mix, column) if len(rows) else rows.assign(residual=0.0)
        return self._held[kpi, column]


def _check_change(project: Project, change: ChangeSpec) -> str:
    """Return the column that a change touches, or say what is wrong with it."""
    where, log, column = f"[[change]] {change.name}", project.log, change.column
    if check_by_agent(project, [column], where):
        if len(change.values) < MIN_PEOPLE:
            problem = "a change that touches so few people would show what one of them did"
            wanted = f"{MIN_PEOPLE} agents or more"
            raise InputError(
                problem, where=where, column="touches", got=len(change.values), wanted=wanted, code="setting.invalid"
            )
        return column
    if column not in log.table("cases").columns:
        hint = did_you_mean(column, segment_columns(log))
        raise InputError("unknown column of the cases", where=where, column="touches", got=column, hint=hint,
                         code="column.unknown")  # fmt: skip
    known = set(_values(log, column))
    for value in change.values:
        if value not in known:
            hint = did_you_mean(value, sorted(known))
            raise InputError("unknown value", where=where, column=column, got=value, hint=hint, code="value.unknown")
    if known <= set(change.values):
        problem = "it touches all, so that nobody is left to compare with"
        raise InputError(problem, where=where, column=column, got=list(change.values), code="setting.invalid")
    return column


def _values(log: CaseLog, column: str) -> list[str]:
    cases = log.table("cases")
    found = fetch(cases.select(_v=cases[column].cast("string")).distinct())["_v"].dropna()
    return sorted(found.astype("str"))


def _handovers(project: Project, outcomes: _Outcomes) -> pd.DataFrame | None:
    """Return who stopped working for which group, and what became of it; names only where they may be shown."""
    log = project.log
    if not has_agents(log):
        return None
    zone = log.timezone
    until = log.until.tz_convert(zone).tz_localize(None)
    found = []
    late = {name for name, known in log.attributes.items() if known != "creation"}
    cases = log.table("cases")
    columns = [c for c in segment_columns(log) if c in cases.columns and c not in _NO_GROUPS and c not in late]
    who = fetch(credited_agents(log, "owner"))
    for column in columns:
        work = fetch(cases.select("case_id", "created_at", group=cases[column].cast("string")))
        if not 2 <= work["group"].nunique() <= MAX_GROUPS:
            continue
        work = work.merge(who, on="case_id").rename(columns={"agent": "owner"})
        work["at"] = work["created_at"].dt.tz_convert(zone).dt.tz_localize(None)
        found.append(find_handovers(work, until).assign(column=column))
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    if table.empty or not any(outcomes.kpis(column) for column in table["column"].unique()):
        return None
    return _add_effects(_hide(project, table), outcomes)


def _hide(project: Project, table: pd.DataFrame) -> pd.DataFrame:
    """Show pseudonyms where persons may be shown at all, else nobody."""
    if not project.config.people.by_agent:
        return table.assign(owner="", heir="")
    names = Pseudonyms(project)
    hide: Callable[[str], str] = lambda name: names.hide(name) if name else ""  # noqa: E731
    return table.assign(owner=table["owner"].map(hide), heir=table["heir"].map(hide))


def _add_effects(handovers: pd.DataFrame, outcomes: _Outcomes) -> pd.DataFrame:
    """Add what became of each group since, by KPI."""
    rows = []
    for one in handovers.to_dict("records"):
        day = pd.Timestamp(one["last_at"]).normalize() + pd.Timedelta(days=1)
        for kpi in outcomes.kpis(one["column"]):
            rows.append(one | {"date": day, "kpi": kpi} | asdict(_estimate(outcomes, kpi, one, day, [])))
    table = pd.DataFrame(rows).assign(p_adjusted=np.nan).drop(columns=["last_at", "rows"])
    for _, part in table.groupby(["kpi", "column"], sort=False):
        _confirm(table, part.index, outcomes)
    order = ["column", "group", "date", "kpi", "verdict", "effect", "lo", "hi", "p_adjusted", "share", "owner", "heir"]
    rest = ["heir_share", "scope", "silent_days", *[c for c in _EFFECT_COLUMNS if c not in order]]
    return table[[*order, *rest]]


def _estimate(
    outcomes: _Outcomes, kpi: str, one: Mapping[Any, Any], day: pd.Timestamp, without: Sequence[str]
) -> Effect:
    rows = outcomes.rows(kpi, one["column"])
    return estimate_effect(rows[~rows[one["column"]].isin(without)], day, one["column"], one["group"])


def _confirm(table: pd.DataFrame, index: pd.Index, outcomes: _Outcomes) -> None:
    """Confirm the effects of one KPI, the surest first; the chances are adjusted for how many were looked at.

    A group with an effect is no measure for the others any more, and has one hand-over that explains it.
    """
    confirmed: list[str] = []
    count = int(table.loc[index, "p"].notna().sum())
    for place in table.loc[index, "p"].dropna().sort_values(kind="stable").index:
        one = table.loc[place].to_dict()
        if one["group"] in confirmed:
            table.loc[place, ["verdict", "has_come_back"]] = ["no effect can be shown", None]
            continue
        if confirmed:
            effect = _estimate(outcomes, one["kpi"], one, one["date"], confirmed)
            for name, value in asdict(effect).items():
                table.at[place, name] = value
        adjusted = min(1.0, float(table["p"].loc[place]) * count)
        table.at[place, "p_adjusted"] = adjusted
        if table["verdict"].loc[place] == "effect" and adjusted < MAX_P:
            confirmed.append(one["group"])
        else:
            table.loc[place, ["verdict", "has_come_back"]] = ["no effect can be shown", None]


def _handover_sentences(table: pd.DataFrame) -> list[Finding]:
    """State which figures moved after a hand-over, and whose work is at risk before any has."""
    out = []
    for row in table[table["verdict"] == "effect"].to_dict("records"):
        effect = Effect(**{name: row[name] for name in _EFFECT_COLUMNS})
        subject = f"{format_kpi(row['kpi'])}, {_group(row)} (handed over)"
        out.append((row["p_adjusted"], _is_worse(row), describe_effect(effect, subject, format_date(row["date"]))))
    out.sort(key=lambda found: (not found[1], found[0]))
    sentences = [Finding(text, audience="everyone") for _, _, text in out]
    early = table[table["verdict"] == "too early to tell"].drop_duplicates(["column", "group", "date"])
    for row in early.to_dict("records"):
        who = row["owner"] or "an agent"
        group = _group(row)
        text = f"{group[:1].upper()}{group[1:]} is at risk: {who} with {format_share(row['share'])} of its "
        text += f"work has not worked on it since {format_date(row['date'])}; no figure can show it yet."
        sentences.append(Finding(text, audience="everyone"))
    return sentences


def _group(row: Mapping[Any, Any]) -> str:
    return f"{str(row['column']).replace('_', ' ')} {row['group']}"


def _is_worse(row: Mapping[Any, Any]) -> bool:
    entry = find_kpi(str(row["kpi"]))
    higher = entry is None or entry.better != "lower"
    return bool((float(row["effect"]) < 0) == higher)
