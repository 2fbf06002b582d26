"""The stages of a run in a notebook, one at a time: sentences, pictures and the tables behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import pandas as pd

from ...features.case_log.log import CaseLog
from ...features.errors import InputError, did_you_mean
from ..charts.charts import plot_stage
from ..charts.svg import Chart
from ..project.config import CONFIG_FILE
from ..project.project import open_project
from ..stage import Stage
from ..stages.stage_run import PLANNER_STAGES, STAGES, StageRun
from ..words.columns import choose_main_columns, table_title
from ..words.tables import drop_idle_intervals, format_table

#: Rows of a table that a notebook shows.
MAX_ROWS = 10


@dataclass(frozen=True)
class View:
    """A stage as a notebook shows it: ``findings``, ``charts`` by table, and ``tables``, whole."""

    stage: Stage
    charts: dict[str, list[Chart]] = field(repr=False, default_factory=dict)
    timezone: str = "UTC"
    year: int | None = None

    @property
    def findings(self) -> tuple[str, ...]:
        """Sentences, the most important first; where the stage could not be done, why."""
        return (self.stage.skipped,) if self.stage.skipped else self.stage.findings

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Result tables by name."""
        return dict(self.stage.tables)

    def table(self, name: str) -> TableView:
        """Return one table, shown with labels and units; an empty one where the stage has none of that name."""
        return TableView(name, self.tables.get(name, pd.DataFrame()), self.timezone, self.year)

    def __repr__(self) -> str:
        return "\n".join(self.findings)

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{escape(text)}</li>" for text in self.findings)
        charts = [chart for charts in self.charts.values() for chart in charts]
        drawn = "".join(f"<figure><figcaption>{escape(c.title)}</figcaption>{c.svg}</figure>" for c in charts)
        return f"<ul>{said}</ul>{drawn}"


@dataclass(frozen=True)
class TableView:
    """A table as people read it; ``frame`` is the table itself."""

    name: str
    frame: pd.DataFrame = field(repr=False)
    timezone: str = "UTC"
    year: int | None = None

    def _repr_html_(self) -> str:
        title = escape(table_title(self.name))
        if self.frame.empty:
            return f"<p>{title}: no rows.</p>"
        kept = drop_idle_intervals(self.name, self.frame)
        shown = kept[choose_main_columns(self.name, kept)]
        table = format_table(self.name, shown, MAX_ROWS, self.timezone, self.year)
        head = "".join(f"<th>{escape(label)}</th>" for label, _ in table.columns)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
        more = f" ({MAX_ROWS} of {table.total:,} rows)" if table.total > MAX_ROWS else ""
        return f"<table><caption>{title}{more}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Analysis:
    """A service desk in a notebook: each stage is computed once, when it is first shown.

    Nothing is written: results, state and MLflow stay as the last ``deskcast run`` left them.

    Parameters
    ----------
    config
        The ``deskcast.toml``.

    Attributes
    ----------
    log
        The case log.

    Raises
    ------
    InputError
        If the configuration or a source cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "cases.csv").write_text("case_id,created_at\\n1,2024-03-01 09:00\\n2,2024-03-02 10:00\\n")
    >>> _ = (folder / "deskcast.toml").write_text('[source.cases]\\npath = "cases.csv"\\n')
    >>> desk = Analysis(folder / "deskcast.toml")
    >>> len(desk.log.frame("cases")), desk.show("history").table("history").frame["kpi"].nunique() > 0
    (2, True)
    """

    def __init__(self, config: str | Path = CONFIG_FILE) -> None:
        self._run = StageRun(open_project(config))

    @property
    def log(self) -> CaseLog:
        """The case log."""
        return self._run.project.log

    def __repr__(self) -> str:
        return f"Analysis of {self.log!r}"

    def show(self, stage: str) -> View:
        """Return what a stage of a run finds, such as ``check``, ``forecast`` or ``risk``.

        A stage that this data cannot feed says why, as in a run.

        Raises
        ------
        InputError
            If there is no such stage.
        """
        known = [*STAGES, *PLANNER_STAGES]
        if stage not in known:
            hint = did_you_mean(stage, known)
            raise InputError("unknown stage", column="stage", got=stage, hint=hint, code="value.unknown")
        done = self._run.compute(stage)
        others = [other for name, other in self._run.stages.items() if name != stage]
        year = self.log.until.tz_convert(self.log.timezone).year
        return View(done, plot_stage(done, others), str(self.log.timezone), year)
