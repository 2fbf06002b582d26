"""Output in the terminal: progress, findings and tables."""

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
    from ..words.tables import FormattedTable

#: Work that is done sooner than this shows no bar.
PROGRESS_DELAY_S = 2.0


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
    """Show a run as it goes: a bar on a terminal, one line a stage when it has ended."""

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
    """Return whether somebody sits at a terminal who can answer a question."""
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


def print_styled(lines: Sequence[str], style: str = "") -> None:
    """Print lines as they are, in a style where there is a terminal that has colours."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text(line, style=style if console.is_terminal else ""), soft_wrap=True)


def output_stage(
    stage: Stage,
    table: str,
    out: Path | None,
    as_json: bool,
    *also: str,
    zone: str = "UTC",
    instants: Instants | None = None,
    show_all: bool = False,
    reserve: int = 0,
    first: str = "",
) -> None:
    """Give a stage's answer: a screen of findings and its main table, or all of it, or JSON; the table as a file.

    ``first`` is the table that a screen shows, where that is not the main one; ``reserve`` lines are left to what the
    command prints afterwards.
    """
    if stage.skipped:
        raise InputError(stage.skipped, code="stage.failed")
    if out is not None:
        from ..store.table_files import write_table

        write_table(stage.tables[table], out)
    if as_json:
        print_line(_json(stage, {} if instants is None else instants.record()))
        return
    names = sorted((table, *also), key=lambda name: name != first)
    foot = [] if out is None else [f"{len(stage.tables[table]):,} rows of '{table}' are in {out}."]
    head = [] if instants is None else [format_state_line(instants, zone)]
    year = None if instants is None else instants.as_of.tz_convert(zone).year
    if show_all:
        _print_all(stage, names, head, zone, year)
    else:
        _print_screen(stage, names, head, len(foot) + reserve, zone, year)
    for line in foot:
        print_line(line)


def format_state_line(instants: Instants, timezone: str) -> str:
    """Write until when the data go, their age where they are old, and the instant where another one was asked for.

    >>> import pandas as pd
    >>> from datetime import UTC, datetime
    >>> from deskcast.pipelines.words.instants import Instants
    >>> at = pd.Timestamp("2024-03-01T08:00Z")
    >>> format_state_line(Instants(at, at, datetime(2024, 3, 31, 8, tzinfo=UTC)), "Europe/Lisbon")
    'Data until Fri 1 Mar 2024 08:00 (Europe/Lisbon), 30 days old.'
    """
    from ..words.instants import MAX_DATA_AGE, find_data_age
    from ..words.words import format_instant

    until, as_of = (format_instant(t.tz_convert(timezone)) for t in (instants.data_until, instants.as_of))
    age = find_data_age(instants)
    old = f", {age.days:,} days old" if age > MAX_DATA_AGE else ""
    return f"Data until {until} ({timezone}){old}" + (f", as of {as_of}." if as_of != until else ".")


def _print_all(stage: Stage, names: Sequence[str], head: Sequence[str], zone: str, year: int | None) -> None:
    """Print every finding and every row, in the width that there is."""
    from rich.console import Console

    from .screen import PIPED_WIDTH, lay_out, wrap_finding

    console = Console()
    width = console.width if console.is_terminal else PIPED_WIDTH
    print_styled([*head, *[line for text in _sort_findings(stage) for line in wrap_finding(text, width)]])
    for name in names:
        block = lay_out(*_format_table(stage, name, zone, year), width, cell_lines=None)
        print_styled(["", block.title], "bold cyan")
        print_styled(block.header, "bold")
        print_styled([line for row in block.rows for line in row])
        if block.hidden_columns:
            print_line(f"... {block.hidden_columns} more columns: --out")


def _print_screen(stage: Stage, names: Sequence[str], head: list[str], foot: int, zone: str, year: int | None) -> None:
    """Print one screen: as many findings as leave room for some rows, then as many rows as fit.

    What is for analysts waits for ``--all``, unless the table is theirs.
    """
    from ..words.columns import table_audience
    from ..words.facts import audience_of
    from ..words.headlines import is_listed
    from .screen import MIN_ROWS, count_findings, count_rows, describe_rest, lay_out, lay_out_within, wrap_finding

    main, (width, height) = stage.tables[names[0]], _screen_size()
    listed = set(main["case_id"].head(MIN_ROWS // 2).astype(str)) if "case_id" in main else set()
    texts = [text for text in _sort_findings(stage) if not is_listed(text, listed)]
    table = _format_table(stage, names[0], zone, year, height) if len(main) else None
    block = lay_out(*table, width) if table else None
    around = len(head) + foot + 1  # the last line says what is not shown
    kept = 2 + len(block.header) + min(len(block.rows), MIN_ROWS) if block else 0
    first = [t for t in texts if audience_of(t) != "analyst"] if block and table_audience(names[0]) != "analyst" else []
    shown = count_findings(first or texts, height - around - kept, width)
    lines = [line for text in texts[:shown] for line in wrap_finding(text, width)]
    print_styled([*head, *lines])
    rows = 0
    if table and block:
        room = height - around - len(lines) - 2
        left = room - len(block.header)
        block = lay_out_within(*table, width, left)
        rows = count_rows(block, left)
        if block.hidden_columns:  # more of them fit beside the rows that are shown than beside all
            block = lay_out_within(*_format_table(stage, names[0], zone, year, rows), width, left)
            rows = count_rows(block, room - len(block.header))  # which may have two lines now
        print_styled(["", block.title], "bold cyan")
        print_styled(block.header, "bold")
        print_styled([line for row in block.rows[:rows] for line in row])
    hidden = block.hidden_columns if block else 0
    rest = describe_rest(len(texts) - shown, len(main) - rows, hidden, sum(len(stage.tables[n]) > 0 for n in names[1:]))
    print_styled([rest] if rest else [], "dim")


def _screen_size() -> tuple[int, int]:
    """Return width and height of the terminal, at least those that every terminal has; of a pipe just those."""
    from rich.console import Console

    from .screen import PIPED_WIDTH, SCREEN_LINES, SCREEN_WIDTH

    console = Console()
    if not console.is_terminal:
        return SCREEN_WIDTH, SCREEN_LINES
    return min(max(console.width, SCREEN_WIDTH), PIPED_WIDTH), max(console.height, SCREEN_LINES)


def _sort_findings(stage: Stage) -> list[str]:
    """Return the findings, those for everyone first, then those for planners and for analysts."""
    from ..words.facts import audience_of

    order = {"everyone": 0, "planner": 1, "analyst": 2}
    return sorted(stage.findings, key=lambda said: order[audience_of(said)])


def _format_table(
    stage: Stage, name: str, zone: str, year: int | None, rows: int | None = None
) -> tuple[FormattedTable, str]:
    """Return the first rows of a table as texts, the most useful columns first, and its title."""
    from ..words.columns import table_title
    from ..words.tables import format_table
    from .screen import choose_columns

    frame = choose_rows(stage.tables[name], name)
    frame = frame if rows is None else frame.head(rows)
    return format_table(name, frame[choose_columns(name, frame)], len(frame), zone, year), table_title(name, frame)


def choose_rows(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Put first what is asked for first: the latest period in total and by segment, intervals that need agents."""
    from ...features.kpis.cells import find_segments
    from ..words.tables import drop_idle_intervals, sort_latest_first

    if name == "history" and len(frame):
        segments = find_segments(frame)
        latest = sort_latest_first(frame)
        if not segments:
            return latest
        parts = latest[[c for c in segments if c in latest]].notna().any(axis=1)
        place = latest["kpi"].map({kpi: i for i, kpi in enumerate(latest["kpi"].unique())})
        ranked = latest.assign(_part=parts, _kpi=place.where(parts, 0), _n=latest["n"].where(parts, 0))
        order = {"ds": False, "_part": True, "_kpi": True, "_n": False}  # of each KPI the largest segments first
        ranked = ranked.sort_values(list(order), ascending=list(order.values()), kind="stable")
        return ranked.drop(columns=["_part", "_kpi", "_n"])
    if name == "detections":
        return sort_latest_first(frame)
    if name == "availability":
        return frame.sort_values("available", kind="stable")  # what is missing first
    return drop_idle_intervals(name, frame)


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
    """Describe what the code of a refusal means and how to mend it; ``all`` lists the codes with their titles."""
    import json
    from dataclasses import asdict

    from ...features.refusals import REFUSALS, explain_refusal

    if code == "all":
        listed = {name: one.title for name, one in REFUSALS.items()}
        print_line(json.dumps(listed, indent=1) if as_json else "\n".join(f"{n}: {t}" for n, t in listed.items()))
        return
    text = explain_refusal(code)
    print_line(json.dumps({code.strip("[] "): asdict(REFUSALS[code.strip("[] ")])}, indent=1) if as_json else text)
