"""What a person sees in the terminal: progress, findings and tables."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .stage import Stage

if TYPE_CHECKING:
    import pandas as pd

#: Work that is done sooner than this shows no bar.
PATIENCE_S = 2.0
#: Rows of a table that a terminal shows; the file has them all.
SHOWN_ROWS = 15
SHOWN_COLUMNS = 9


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show a moving bar on work that takes more than two seconds, on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    bar = Progress(*columns, transient=True, console=console, disable=not console.is_terminal)
    bar.add_task(what, total=None)
    timer = threading.Timer(PATIENCE_S, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


class StageLines:
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

    def __enter__(self) -> StageLines:
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
        state = "skipped" if stage.skipped else "done"
        self.console.print(f"  {stage.name:<9} {state:<8} {stage.seconds:6.1f} s", markup=False)


def say(text: str = "") -> None:
    """Print a line for the reader."""
    sys.stdout.write(text + "\n")


def show_findings(stage: Stage) -> None:
    """Print what a stage found, or why it was skipped."""
    if stage.skipped:
        say(f"Skipped: {stage.skipped}")
    for finding in stage.findings:
        say(f"- {finding}")


def show_table(frame: pd.DataFrame, title: str) -> None:
    """Print the head of a table, and say how much more there is."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if frame.empty:
        say(f"{title}: no rows.")
        return
    table = Table(title=escape(title), title_justify="left", header_style="bold")
    columns = list(frame.columns[:SHOWN_COLUMNS])
    for column in columns:
        table.add_column(
            str(column), justify="right" if frame[column].dtype.kind in "iufM" else "left", overflow="fold"
        )
    for row in frame[columns].head(SHOWN_ROWS).itertuples(index=False):
        table.add_row(*[escape(_cell(v)) for v in row])
    Console(highlight=False).print(table)
    more = [f"{len(frame) - SHOWN_ROWS:,} more rows"] if len(frame) > SHOWN_ROWS else []
    more += [f"{len(frame.columns) - SHOWN_COLUMNS} more columns"] if len(frame.columns) > SHOWN_COLUMNS else []
    if more:
        say(f"({' and '.join(more)}: write them with --out FILE.csv)")


def _cell(value: Any) -> str:
    import pandas as pd

    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)
