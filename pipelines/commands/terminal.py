"""What a person sees in the terminal: progress, findings and tables."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...features.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from ..stage import Stage
    from ..words.instants import Instants

#: Work that is done sooner than this shows no bar.
PROGRESS_DELAY_S = 2.0
#: Rows of a table that a terminal shows; the file has them all.
MAX_TERMINAL_ROWS = 15
#: The list of KPIs is short, and who asks for it wants to see all of it.
UNTRUNCATED_TABLES = ("availability",)
#: Columns that a terminal shows, where a table has more than fit.
TERMINAL_COLUMNS = {
    "availability": ("kpi", "available", "missing_data", "unit", "better", "definition"),
    "forecast": ("unique_id", "ds", "deskcast", "deskcast-lo-80", "deskcast-hi-80", "seasonal_naive"),
    "totals": ("node", "ds", "deskcast", "baseline", "deskcast-lo-80", "deskcast-hi-80", "base"),
    "forecast_by_lead": ("lead", "unit", "model", "wape", "wql", "bias", "coverage_80", "n"),
    "staffing": (
        "queue",
        "ds",
        "calls",
        "agents",
        "agents_to_schedule",
        "agents_hi",
        "service_level",
        "miss_probability",
        "binding",
    ),
    "casework": (
        "queue",
        "ds",
        "agents",
        "agents_to_schedule",
        "arrived",
        "worked",
        "backlog",
        "breaches",
        "breach_risk",
    ),
    "simulated": ("queue", "period", "ds", "calls", "agents", "service_level", "formula_service_level", "target_met"),
    "risk": (
        *("rank", "case_id", "probability", "left_wall_s", "left_business_s", "team", "owner", "priority"),
        *("reason_1", "action", "work_first", "first_flagged_at"),
    ),
    "accuracy_forecast_by_lead": ("scope", "lead", "model", "wape", "bias", "wql", "coverage_80", "n"),
    "accuracy_staffing": (
        *("queue", "lead", "calls_forecast", "calls", "wape", "agent_hours", "agent_hours_required"),
        *("understaffed_share", "service_level", "service_level_actual"),
    ),
    "kpi_alerts": (
        "alert_id",
        "kpi",
        "series",
        "direction",
        "started_at",
        "before",
        "after",
        "drivers",
        "state",
        "news",
    ),
    "goals": ("name", "kpi", "target", "so_far", "forecast", "low", "high", "probability", "end"),
    "detections": ("kpi", "series", "kind", "direction", "started_at", "before", "after", "drivers", "resolved"),
}
#: Width of a table that goes into a file or a pipe.
PIPED_WIDTH = 160


@contextmanager
def show_spinner(what: str) -> Iterator[None]:
    """Show a moving bar on work that takes more than two seconds, on a terminal."""
    with show_progress(what):
        yield


@contextmanager
def show_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on work that takes more than two seconds, on a terminal; what is given is told how far it has come."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    bar = Progress(*columns, transient=True, console=console, disable=not console.is_terminal)
    task = bar.add_task(what, total=None)
    timer = threading.Timer(PROGRESS_DELAY_S, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda done, of: bar.update(task, completed=done, total=of)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


class StageProgress:
    """Tell a run as it goes: a bar on a terminal, one line a stage when it has ended."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self.console = Console(stderr=True, highlight=False)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.bar = Progress(
            *columns,
            TimeElapsedColumn(),
            transient=True,
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task("deskcast", total=total)

    def __enter__(self) -> StageProgress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def begin(self, stage: str) -> None:
        """Show the stage that has begun."""
        self.bar.update(self.task, description=stage)

    def end(self, stage: Stage) -> None:
        """Print one line for the stage that has ended."""
        self.bar.advance(self.task)
        state = "failed" if stage.failed else "skipped" if stage.skipped else "done"
        self.console.print(f"  {stage.name:<9} {state:<8} {stage.seconds:6.1f} s", markup=False)


def print_line(text: str = "") -> None:
    """Print a line for the reader."""
    sys.stdout.write(text + "\n")


def can_ask() -> bool:
    """Tell whether somebody sits at a terminal who can answer a question."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def ask_choice(question: str, answers: Sequence[str]) -> int:
    """Put a question with numbered answers on the terminal, and return which was chosen, from 0."""
    print_line(question)
    for number, answer in enumerate(answers, 1):
        print_line(f"  {number}  {answer}")
    while True:
        print_line(f"Which (1 to {len(answers)})? ")
        said = sys.stdin.readline()
        if not said:
            raise InputError(
                "the question was not answered", got="the end of the input", wanted="a number", code="command.invalid"
            )
        if said.strip().isdigit() and 1 <= int(said) <= len(answers):
            return int(said) - 1


def print_findings(stage: Stage) -> None:
    """Print what a stage found, or why it was skipped."""
    if stage.skipped:
        print_line(f"Skipped: {stage.skipped}")
    for finding in stage.findings:
        print_line(f"- {finding}")


def print_table(frame: pd.DataFrame, name: str, timezone: str = "UTC") -> None:
    """Print the head of a result table as people read it, and say how much more there is."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ..words.tables import format_table, sort_latest_first

    if frame.empty:
        print_line(f"{name}: no rows.")
        return
    rows = sort_latest_first(frame) if name in ("history", "detections") else frame
    if name in ("staffing", "casework") and (rows["agents_to_schedule"] > 0).any():
        rows = rows[rows["agents_to_schedule"] > 0]  # closed intervals need nobody
    columns = [c for c in TERMINAL_COLUMNS.get(name, frame.columns) if c in rows.columns]
    shown = format_table(name, rows[columns], len(rows) if name in UNTRUNCATED_TABLES else MAX_TERMINAL_ROWS, timezone)
    table = Table(title=escape(name), title_justify="left", header_style="bold")
    for title, numeric in shown.columns:
        table.add_column(escape(title), justify="right" if numeric else "left", overflow="fold")
    for cells in shown.rows:
        table.add_row(*[escape(cell) for cell in cells])
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    console.print(table)
    more = [f"{len(frame) - len(shown.rows):,} more rows"] if len(frame) > len(shown.rows) else []
    hidden = len(frame.columns) - len(columns)
    more += [f"{hidden} more {'column' if hidden == 1 else 'columns'}"] if hidden else []
    if more:
        print_line(f"({' and '.join(more)}; --out FILE.csv writes the command's main table whole)")


def print_instants(instants: Instants, timezone: str) -> None:
    """Print of which instants a result is; first of all, if the data ended long ago."""
    from ..words.instants import format_data_age, format_instants

    if age := format_data_age(instants, timezone):
        print_line(age)
    print_line(format_instants(instants, timezone))


def output_stage(
    stage: Stage,
    table: str,
    out: Path | None,
    as_json: bool,
    *also: str,
    zone: str = "UTC",
    instants: Instants | None = None,
) -> None:
    """Give a stage's answer: instants, words and the head of its tables, or JSON, and the main table as a file."""
    from ...features.errors import InputError

    if stage.skipped:
        raise InputError(stage.skipped, code="stage.failed")
    main = stage.tables[table]
    if out is not None:
        from ..store.table_files import write_table

        write_table(main, out)
    if as_json:
        print_line(_json(stage, {} if instants is None else instants.record()))
        return
    if instants is not None:
        print_instants(instants, zone)
    print_findings(stage)
    for name in (table, *also):
        print_table(stage.tables[name], name, zone)
    if out is not None:
        print_line(f"{len(main):,} rows of '{table}' are in {out}.")


def _json(stage: Stage, instants: Mapping[str, str]) -> str:
    import json

    body: dict[str, Any] = {
        "stage": stage.name,
        **instants,
        "findings": list(stage.findings),
        "metrics": {k: None if math.isnan(v) else v for k, v in stage.metrics.items()},
        "tables": {name: json.loads(_records(frame)) for name, frame in stage.tables.items()},
    }
    return json.dumps(body, ensure_ascii=False, indent=2, default=str)


def _records(frame: pd.DataFrame) -> str:
    return str(frame.to_json(orient="records", date_format="iso"))


def print_explanation(code: str, as_json: bool) -> None:
    """Say what the code of a refusal means and how to mend it; ``all`` lists the codes with their titles."""
    import json
    from dataclasses import asdict

    from ...features.refusals import REFUSALS, explain_refusal

    if code == "all":
        listed = {name: one.title for name, one in REFUSALS.items()}
        print_line(json.dumps(listed, indent=1) if as_json else "\n".join(f"{n}: {t}" for n, t in listed.items()))
        return
    text = explain_refusal(code)
    print_line(json.dumps({code.strip("[] "): asdict(REFUSALS[code.strip("[] ")])}, indent=1) if as_json else text)
