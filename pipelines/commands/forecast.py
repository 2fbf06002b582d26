"""Options of ``deskcast forecast``, and what they change in the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..project.project import Project
    from ..project.specs import ForecastSpec
    from ..stage import Stage
    from ..stages.volume_champion import ForecastInUse

HorizonOption = Annotated[int | None, typer.Option(help="Number of time steps ahead.", min=1)]
FreqOption = Annotated[str | None, typer.Option(help="Time step: 5min, 15min, 30min, h, D, W or MS.")]
ByOption = Annotated[list[str] | None, typer.Option(help="Segment column. Repeatable.")]
LevelsOption = Annotated[str | None, typer.Option(help="Levels of the prediction intervals, such as 80,95.")]
ModelsOption = Annotated[str | None, typer.Option(help="auto, all (slow), or names such as core,seasonal_naive.")]
KpiOption = Annotated[str | None, typer.Option(help="Another KPI of the history, such as csat or backlog.")]
ReconcileOption = Annotated[
    str | None, typer.Option(help="How segments add up to totals: wls, variance, bottom_up or none.")
]
RegressorsOption = Annotated[
    Path | None, typer.Option(help="File of ds and known columns, past and ahead, such as campaigns.")
]
BacktestOption = Annotated[
    bool, typer.Option("--backtest", help="Show the forecast error by model, days ahead and series.")
]
EventOption = Annotated[
    list[str] | None,
    typer.Option(help="Scenario: 'campaign 2026-03-09..2026-03-13 +30% SERIES' (none: all). Repeatable."),
]
CloseOption = Annotated[list[str] | None, typer.Option(help="Scenario: a closure, '2026-03-10 SERIES'. Repeatable.")]
GrowthOption = Annotated[list[str] | None, typer.Option(help="Scenario: growth a year, '5% SERIES'. Repeatable.")]
WhatIfOption = Annotated[Path | None, typer.Option(help="Scenario file: CSV, or TOML with change sections.")]
FormOption = Annotated[str | None, typer.Option(help="Write --out FILE.csv for a scheduling system: genesys.")]
PathsOption = Annotated[int | None, typer.Option(help="Number of simulated paths; --out writes them.", min=1)]
PictureOption = Annotated[Path | None, typer.Option(help="Write the charts to FILE.png, FILE.svg or FILE.html.")]


def with_options(
    spec: ForecastSpec,
    horizon: int | None,
    freq: str | None,
    by: list[str] | None,
    levels: str | None,
    models: str | None,
    kpi: str | None,
    reconcile: str | None,
    regressors: Path | None = None,
) -> ForecastSpec:
    """Return the section of the configuration with what the command line says instead.

    Raises
    ------
    InputError
        If a level, a model, a KPI or a way to add up is unknown.

    Examples
    --------
    >>> from deskcast.pipelines.project.specs import ForecastSpec
    >>> none = dict.fromkeys(("horizon", "freq", "by", "models", "kpi", "reconcile"))
    >>> with_options(ForecastSpec(), levels="50,90", **none).levels
    (50, 90)
    """
    from ..project.config import change_section

    return change_section(
        spec,
        "the forecast",
        horizon=horizon or spec.horizon,
        freq=freq or spec.freq,
        by=tuple(by or spec.by),
        levels=_levels(levels) if levels else spec.levels,
        models=tuple(name.strip() for name in models.split(",")) if models else spec.models,
        kpi=kpi or spec.kpi,
        reconcile=reconcile or spec.reconcile,
        regressors=str(regressors.resolve()) if regressors else spec.regressors,
    )


def find_in_use(project: Project, *other: str | list[str] | None) -> ForecastInUse:
    """Return the project as it forecasts by the version in use, where no other series or methods are asked for.

    A version was proven on what the configuration asks; what the command line asks instead is done as it says.
    """
    from ..stages.volume_champion import ForecastInUse, use_volume_champion

    return ForecastInUse(project) if any(other) else use_volume_champion(project)


def _levels(text: str) -> tuple[int, ...]:
    from ...features.errors import InputError

    read = [part.strip().removesuffix("%").strip() for part in text.split(",")]
    if not all(part.isdigit() for part in read):
        raise InputError(
            "not valid levels", column="levels", got=text, wanted="percent such as 80,95", code="command.invalid"
        )
    return tuple(sorted({int(part) for part in read}))


def check_files(picture: Path | None, form: str | None, out: Path | None) -> None:
    """Check that the files can be written, before any work is done."""
    if picture is not None:
        check_chart_path(picture)
    if form is not None:
        check_import(form, out)


def write_import(project: Project, stage: Stage, spec: ForecastSpec, out: Path) -> int:
    """Write the forecast as another system imports it, and return the number of rows."""
    from ..stages.scheduling_import import format_import
    from ..store.table_files import write_table

    rows = format_import(project, stage, spec)
    write_table(rows, out)
    return len(rows)


def print_files(picture: Path | None, form: str | None, out: Path | None, count: int) -> None:
    """Describe which files were written beside the tables; ``count`` rows are for the import."""
    from .terminal import print_line

    if form is not None:
        print_line(f"{count:,} rows for the import of {form} are in {out}.")
    if picture is not None:
        print_line(f"The charts are in {picture}.")


def check_import(form: str, out: Path | None) -> None:
    """Check that the forecast can be written in this form, before any work is done."""
    from ...features.errors import InputError
    from ..stages.scheduling_import import check_import_form

    check_import_form(form)
    if out is None or out.suffix.lower() != ".csv":
        raise InputError(
            "a form is written into a CSV file", where="--form", got=form, hint="add --out FILE.csv", code="file.kind"
        )


def check_step(freq: str) -> None:
    """Check that the import takes the time step of the forecast, before any work is done."""
    from ..stages.scheduling_import import check_import_step

    check_import_step(freq)


def check_chart_path(path: Path) -> None:
    """Check that pictures can be drawn into this file, before any work is done."""
    from ...features.errors import InputError

    if path.suffix.lower() not in (".png", ".svg", ".html"):
        wanted = ".png, .svg or .html"
        raise InputError("unknown kind of picture", where=str(path), got=path.suffix, wanted=wanted, code="file.kind")
    if not path.resolve().parent.is_dir():
        raise InputError("missing folder", where=str(path.parent), hint="make it first", code="folder.missing")


def write_charts(project: Project, stage: Stage, path: Path) -> None:
    """Draw the pictures of a stage into one file: an image, or a page."""
    from datetime import UTC, datetime

    from ... import __version__
    from ..charts.charts import plot_stage
    from ..charts.svg import render_image
    from ..pages.report import write_report
    from ..words.instants import Instants
    from .run import report_title

    if path.suffix.lower() == ".html":
        made_at = datetime.now(UTC).replace(microsecond=0)
        write_report(
            [stage],
            path,
            made_at=made_at,
            title=report_title(project.config),
            version=__version__,
            timezone=project.config.timezone,
            instants=Instants(project.data_until, project.as_of, made_at),
            full=True,
        )
        return
    drawn = [one for found in plot_stage(stage, [stage], full=True).values() for one in found]
    path.write_bytes(render_image(drawn, path.suffix.lower().removeprefix(".")))
