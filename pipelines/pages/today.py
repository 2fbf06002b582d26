"""What a manager asks first: cases late now and soon, next week's volume, staffing, and the goal nearest to failing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ...features.kpis.catalogue import find_kpi_unit
from ..stage import Stage
from ..words.facts import Cell, Fact, audience_of, facts_of
from ..words.headlines import MAX_HEADLINE_WORDS, MAX_HEADLINES, is_listed
from ..words.tables import FormattedTable, format_table
from ..words.words import format_count, format_date, format_kpi, format_list, format_probability, format_value

#: Cases on the list.
MAX_TOP_CASES = 12
TOP_COLUMNS = ("case_id", "probability", "due_at", "team", "owner", "priority", "reason_1", "action")
_NOT_AVAILABLE, _SEE_BELOW = "Not available", "The reason is at the end of the report."


@dataclass(frozen=True)
class Tile:
    """One of the four answers: a figure, and the finding that says it in a sentence, or a note where there is none."""

    title: str
    figure: str = _NOT_AVAILABLE
    note: str = ""
    finding: str = ""


@dataclass(frozen=True)
class Today:
    """The first page of the report."""

    tiles: tuple[Tile, ...]
    findings: tuple[str, ...]
    cases: FormattedTable | None
    cases_note: str = ""
    used: frozenset[str] = field(default_factory=frozenset)


def summarise_today(stages: Mapping[str, Stage], timezone: str, year: int | None = None) -> Today:
    """Return the four answers, the most important findings, and the cases to work on first.

    Parameters
    ----------
    stages
        Outcomes of a run by name.
    timezone
        Clock of instants.
    year
        Year that dates do not repeat.
    """
    tiles = tuple(draw(stages[name], year) for name, draw in _TILES.items() if name in stages)
    cases = _work_first(stages.get("risk"), timezone, year)
    note = _find(stages.get("risk"), "work first") if cases is not None else ""
    used = {text for text in (*(tile.finding for tile in tiles), note) if text}
    listed = set() if cases is None else {row[0] for row in cases.rows}
    rest = [f for f in _everyone(stages) if f not in used and not is_listed(f, listed)]
    findings = _within(rest, MAX_HEADLINES - len(used), MAX_HEADLINE_WORDS - sum(len(f.split()) for f in used))
    return Today(tiles, findings, cases, note, frozenset(used | set(findings)))


def _within(findings: Sequence[str], limit: int, words: int) -> tuple[str, ...]:
    """Return the first findings that a first screen has room for; one that is too long is passed over."""
    chosen: list[str] = []
    for finding in findings:
        size = len(finding.split())
        if len(chosen) < limit and size <= words:
            chosen.append(finding)
            words -= size
    return tuple(chosen)


def _everyone(stages: Mapping[str, Stage]) -> Iterator[str]:
    """Yield findings for everyone: KPI alerts first, then those of the stages that plan."""
    for name in ("watch", "risk", "forecast", "staff"):
        found = stages[name].findings if name in stages else ()
        yield from (f for f in dict.fromkeys(found) if audience_of(f) == "everyone")


def _find(stage: Stage | None, *subjects: str, kinds: Sequence[str] = ()) -> str:
    """Return the first finding with a fact of a subject or kind, or nothing."""
    for finding in () if stage is None else stage.findings:
        if any(f.subject in subjects or f.kind in kinds for f in facts_of([finding])):
            return finding
    return ""


def _cases_tile(stage: Stage, _: int | None) -> Tile:
    title = "Cases late"
    tables = {} if stage.skipped else stage.tables
    name = next((n for n in ("risk", "open_cases") if n in tables), "")
    if not (name or "breached_cases" in tables):
        return Tile(title, note=_SEE_BELOW if stage.skipped else "")
    late = Cell("breached_cases", "case_id", take="count").read(tables) if "breached_cases" in tables else 0.0
    finding = _find(stage, "breached", "running")
    if not name or "probability" not in tables[name] or tables[name].empty:
        return Tile(title, f"{late:,.0f} late now", _of_date(stage), finding)
    soon = Fact.at(Cell(name, "probability", take="sum"), tables, "expected_breaches", name)
    running = format_count(len(tables[name]), "open case")
    note = f"{soon:about} of {running} within their SLA will breach"
    return Tile(title, f"{late:,.0f} late now, {soon:~} soon", _note(note, finding, stage), finding)


def _volume_tile(stage: Stage, _: int | None) -> Tile:
    title = "Volume"
    finding = _find(stage, kinds=("volume", "kpi_forecast"))
    if stage.skipped:
        return Tile(title, note=_SEE_BELOW)
    facts = facts_of([finding])
    if not facts:
        plain = (f for f in stage.findings if audience_of(f) == "everyone")
        return Tile(title, "–", "", next(plain, ""))
    fact = next(f for f in facts if f.kind in ("volume", "kpi_forecast"))
    if fact.kind == "kpi_forecast":
        return Tile(f"Forecast, {format_kpi(fact.subject)}", f"{fact}", _of_date(stage), finding)
    bounds = [f for f in facts if f.kind in ("likely low", "likely high")]
    likely = f"likely {bounds[0]:~} to {bounds[1]:~}" if len(bounds) == 2 else "no likely range yet"
    span = fact.subject.replace("Week", "week", 1) if fact.subject.startswith("Week") else fact.subject
    figure = format(fact, f"~{stage.params.get('noun', 'case')}")
    return Tile(f"{title}, {span}", figure, _note(likely, finding, stage), finding)


def _staffing_tile(stage: Stage, year: int | None) -> Tile:
    title = "Staffing"
    tables = {} if stage.skipped else stage.tables
    peaks = _peaks(tables)
    if peaks.empty:
        return Tile(title, note=_SEE_BELOW if stage.skipped else "")
    coverage = tables.get("coverage")
    if coverage is None or coverage.empty:
        queue, (most, at) = str(peaks.index[0]), peaks.iloc[0]
        note = f"no shifts configured; peak {queue} {format_date(at, year)} {at:%H:%M}"
        finding = _find(stage, kinds=("agents to schedule", "peak of agents to schedule"))
        return Tile(title, f"{format_count(most, 'agent')} at peak", _note(note, finding, stage), finding)
    step = coverage["ds"].drop_duplicates().sort_values().diff().min() / pd.Timedelta(hours=1)
    required, missing = (float(coverage[c].sum()) * step for c in ("required", "understaffed"))
    short = int((coverage["understaffed"] > 0).sum())
    figure = "All intervals staffed" if not short else f"{format_count(short, 'interval')} understaffed"
    queues = format_list([str(q) for q in coverage["queue"].unique()])
    finding = _find(stage, kinds=("agents in shifts",))
    note = f"{queues}: {missing:,.0f} of {format_count(round(required), 'agent hour')} missing"
    others = [
        f"{queue} up to {row.most:,.0f}" for queue, row in peaks.iterrows() if queue not in set(coverage["queue"])
    ]
    unplanned = f"Without a schedule: {', '.join(others)}" if others else ""
    return Tile(title, figure, " ".join(filter(None, (_note(note, finding, stage), unplanned))), finding)


def _peaks(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the most agents to schedule by queue, and when, the largest queue first."""
    plans = [tables[n] for n in ("staffing", "casework") if n in tables and "ds" in tables[n] and len(tables[n])]
    rows = []
    for plan in plans:
        for queue, own in plan.groupby("queue"):
            at = int(own["agents_to_schedule"].to_numpy(dtype=float).argmax())
            most = Cell("plan", "agents_to_schedule", take="ceiling").read({"plan": own})
            rows.append((str(queue), most, own["ds"].iloc[at]))
    frame = pd.DataFrame(rows, columns=["queue", "most", "at"]).set_index("queue")
    return frame[frame["most"] > 0].sort_values("most", ascending=False, kind="stable")


def _goal_tile(stage: Stage, year: int | None) -> Tile:
    title = "Goal nearest to failing"
    goals = None if stage.skipped else stage.tables.get("goals")
    if goals is None or goals["probability"].notna().sum() == 0:
        figure = "No goal configured" if goals is None or goals.empty else "No goal can be judged yet"
        return Tile(title, note=_SEE_BELOW) if stage.skipped else Tile(title, figure)
    goal = goals.dropna(subset=["probability"]).sort_values("probability", kind="stable").iloc[0]
    shares = Fact("goal", str(goal["kpi"]), float(goal["so_far"]), find_kpi_unit(str(goal["kpi"])) or "count")
    target = format_value(float(goal["target"]), shares.unit)
    note = f"{format_kpi(str(goal['kpi']))} {target} by {format_date(pd.Timestamp(goal['end']), year)}; {shares} so far"
    finding = next((f for f in stage.findings if any(_is_goal(fact, goal) for fact in facts_of([f]))), "")
    return Tile(title, f"{format_probability(float(goal['probability']))} chance", _note(note, finding, stage), finding)


def _is_goal(fact: Fact, goal: pd.Series[str]) -> bool:
    return fact.kind == "goal" and fact.subject == f"{goal['name']}: {goal['kpi']}"


def _work_first(stage: Stage | None, timezone: str, year: int | None) -> FormattedTable | None:
    """Return the cases that were selected, or without a selection the first of the list."""
    if stage is None or stage.tables_made_at or "risk" not in stage.tables or stage.tables["risk"].empty:
        return None
    frame = stage.tables["risk"]
    ordered = frame.sort_values("rank") if "rank" in frame.columns else frame
    if "work_first" in ordered.columns:
        ordered = ordered[ordered["work_first"].astype(bool)]
    columns = [c for c in TOP_COLUMNS if c in ordered.columns and ordered[c].replace("", None).notna().any()]
    return format_table("risk", ordered[columns], MAX_TOP_CASES, timezone, year) if len(ordered) else None


def _note(note: str, finding: str, stage: Stage) -> str:
    """Return what no finding says yet."""
    return ("" if finding else note) + _of_date(stage)


def _of_date(stage: Stage) -> str:
    """Describe the date of the tables, where they are those of an earlier run."""
    return "" if stage.tables_made_at is None else f" (of {stage.tables_made_at:%d %b %Y %H:%M} UTC)"


#: Stage -> what its tile says; a stage that is no part of the run has none.
_TILES: Mapping[str, Callable[[Stage, int | None], Tile]] = {
    "risk": _cases_tile,
    "forecast": _volume_tile,
    "staff": _staffing_tile,
    "watch": _goal_tile,
}
