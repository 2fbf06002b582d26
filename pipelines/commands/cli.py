"""The command line: one command for each part of a user's day."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Annotated

import typer

from . import forecast as forecast_options
from .alarms import alarms
from .cases import articles, cases, compare, waiting
from .exit_codes import end_run, end_with_exit_code
from .goals import goals
from .models import models
from .night_command import run
from .notes import note, notes
from .options import (
    DEFAULT_CONFIG,
    AllOption,
    AsOfOption,
    ConfigOption,
    JsonOption,
    OutOption,
    answer_of,
    one_option,
    open_for,
    print_warnings_plainly,
)
from .planner import adjust, review, staff, today
from .serve import serve
from .terminal import output_stage
from .track_record import accuracy, doctor, drift

#: Table of the check -> what its rows are; each is written beside the configuration.
LEFT_OUT = {
    "rejected_rows": "rejected rows with their reasons",
    "replaced_rows": "earlier rows of cases, replaced by newer ones,",
}

#: Objects, and collections of the younger ones, after which Python looks for those that point at each other.
COLLECTED_EVERY = (20_000, 20, 20)

app = typer.Typer(
    name="deskcast",
    help="From the case log of a service desk to forecasts, staffing, cases at risk and KPI alerts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run a command; how it ended is told by its exit code."""
    # the matrices are small: threads would wait for one another (read when numpy is imported, which is later)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # expressions are trees that point at their parents, made by the million: looked at in larger heaps they cost less
    gc.set_threshold(*COLLECTED_EVERY)
    print_warnings_plainly()
    end_with_exit_code(lambda: app(standalone_mode=False))


def _version(wanted: bool) -> None:
    if wanted:
        from ... import __version__

        typer.echo(f"deskcast {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for the simulated service desk.")] = Path("deskcast-demo"),
    cases: Annotated[int, typer.Option(help="Number of cases to simulate.", min=300)] = 40_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.")] = 1,
    show_all: AllOption = False,
) -> None:
    """Simulate a service desk and run every stage."""
    from .demo import make_demo

    end_run(make_demo(folder, cases, seed, show_all=show_all))


@app.command()
def init(
    exports: Annotated[
        list[str],
        typer.Argument(
            help="Export files: CSV, Excel, JSON, Parquet, SQLite or DuckDB, a folder of them, or the address of a "
            "database."
        ),
    ],
    folder: Annotated[Path, typer.Option(help="Folder for deskcast.toml.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing deskcast.toml.")] = False,
) -> None:
    """Read an export and write a commented deskcast.toml for it."""
    from ..init.init import list_head_comments, write_config
    from .terminal import ask_choice, can_ask, print_line, show_spinner

    if can_ask():  # a spinner would write over the question
        path = write_config(exports, folder, force=force, ask=ask_choice)
    else:
        with show_spinner("looking at the export"):
            path = write_config(exports, folder, force=force)
    for line in list_head_comments(path.read_text(encoding="utf-8")):
        print_line(line)
    print_line(f"Wrote {path}. Look through its comments, then run: deskcast check --config {path}")


@app.command()
def check(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
    explain: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Explain an error code, such as column.missing, or all."),
    ] = None,
) -> None:
    """Check the data: rows loaded, rows rejected, available KPIs."""
    if explain is not None:
        from .terminal import print_explanation

        print_explanation(explain, as_json)
        return
    from ..stages.check import check_stage
    from ..store.table_files import write_table
    from .terminal import print_line

    project = open_for(config, as_of, out)
    stage = check_stage(project)
    output_stage(
        stage,
        "checks",
        out,
        as_json,
        *[name for name in ("rejected_rows", "replaced_rows") if name in stage.tables],
        "availability",
        **answer_of(project, show_all),
        reserve=sum(len(stage.tables.get(name, ())) > 0 for name in LEFT_OUT),
    )
    for name, what in LEFT_OUT.items():
        rows = stage.tables.get(name)
        if rows is not None and len(rows):
            path = project.config.folder / f"{name}.csv"
            write_table(rows, path)
            if not as_json:
                print_line(f"{len(rows):,} {what} are in {path}.")


@app.command()
def history(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
    kpi: Annotated[list[str] | None, typer.Option(help="KPI to show. Repeatable. Default: all.")] = None,
    by: Annotated[list[str] | None, typer.Option(help="Segment column. Repeatable.")] = None,
    freq: Annotated[str | None, typer.Option(help="Period: 15min, 30min, h, D, W, MS, QS or 6MS.")] = None,
    list_kpis: Annotated[bool, typer.Option("--list", help="List the KPIs, and the data that others need.")] = False,
) -> None:
    """Show the KPI history by period and segment."""
    from dataclasses import replace

    from .terminal import show_spinner

    project = open_for(config, as_of, out)
    if list_kpis:
        from ...features.kpis.availability import availability
        from ..stage import Stage

        table = availability(project.log, project.config.history.calendar)
        count = int(table["available"].sum())
        found = f"{count} of {len(table)} KPIs {'is' if count == 1 else 'are'} available."
        output_stage(
            Stage("history", {"availability": table}, (found,)), "availability", out, as_json, show_all=show_all
        )
        return
    from ..project.config import change_section
    from ..stages.history import history_stage

    spec = project.config.history
    asked = {"kpis": tuple(kpi or spec.kpis), "by": tuple(by or spec.by), "freq": freq or spec.freq}
    spec = change_section(spec, "the history", **asked)
    with show_spinner("computing the history"):
        stage = history_stage(replace(project, config=replace(project.config, history=spec)))
    output_stage(stage, "history", out, as_json, **answer_of(project, show_all))


app.command()(cases)


@app.command()
def forecast(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
    horizon: forecast_options.HorizonOption = None,
    freq: forecast_options.FreqOption = None,
    by: forecast_options.ByOption = None,
    levels: forecast_options.LevelsOption = None,
    models: forecast_options.ModelsOption = None,
    kpi: forecast_options.KpiOption = None,
    reconcile: forecast_options.ReconcileOption = None,
    regressors: forecast_options.RegressorsOption = None,
    backtest: forecast_options.BacktestOption = False,
    event: forecast_options.EventOption = None,
    close: forecast_options.CloseOption = None,
    growth: forecast_options.GrowthOption = None,
    what_if: forecast_options.WhatIfOption = None,
    paths: forecast_options.PathsOption = None,
    picture: forecast_options.PictureOption = None,
    form: forecast_options.FormOption = None,
) -> None:
    """Forecast volumes or a KPI with likely ranges, scenarios and backtests."""
    from dataclasses import replace

    from ..stages.assumptions import read_assumptions
    from ..stages.forecast import ScenarioOptions, forecast_stage
    from .terminal import show_progress

    forecast_options.check_files(picture, form, out)
    asked = ScenarioOptions(read_assumptions(event or (), close or (), growth or (), what_if), paths or 0)
    project = open_for(config, as_of, out)
    now = forecast_options.find_in_use(project, freq, by, models, kpi, reconcile)
    given = (horizon, freq, by, levels, models, kpi, reconcile, regressors)
    spec = forecast_options.with_options(now.project.config.forecast, *given)
    if form is not None:
        forecast_options.check_step(spec.freq)
    with show_progress("forecasting") as progress:
        asked_for = replace(project, config=replace(project.config, forecast=spec))
        stage = now.describe(forecast_stage(asked_for, progress, asked))
        if picture is not None:
            forecast_options.write_charts(project, stage, picture)
    also = ["totals"] * ("totals" in stage.tables)
    also += ["leaderboard", "forecast_by_lead", "forecast_by_series"] * backtest
    main, to = "paths" if paths else "forecast", None if form else out
    first = "leaderboard" if backtest else "" if paths else "totals"
    output_stage(stage, main, to, as_json, *also, **answer_of(project, show_all), reserve=2, first=first)
    count = forecast_options.write_import(project, stage, spec, out) if form is not None and out is not None else 0
    if not as_json:
        forecast_options.print_files(picture, form, out, count)


app.command()(adjust)
app.command()(staff)
app.command()(today)


@app.command()
def train(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
    evaluate: Annotated[
        bool,
        typer.Option("--evaluate", help="Test at several past dates too, and keep tables and charts."),
    ] = False,
) -> None:
    """Train the breach model, compare it with simple rules and record it in MLflow."""
    from .train import run_train

    run_train(lambda: open_for(config, as_of, out), out, as_json, evaluate=evaluate, show_all=show_all)


@app.command()
def risk(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
    cases_per_day: Annotated[int | None, typer.Option(help="Number of cases to work on first.", min=1)] = None,
    budget: Annotated[int | None, typer.Option(hidden=True, min=1)] = None,
    capacity: Annotated[str | None, typer.Option(help="Hours for the cases to work on first, such as '8h'.")] = None,
    feedback: Annotated[str | None, typer.Option(metavar="CASE", help="Report what a suggested action did.")] = None,
    verdict: Annotated[str, typer.Option(help="With --feedback: done, helped, no help or not needed.")] = "done",
    note: Annotated[str, typer.Option(metavar="TEXT", help="Note to save with --feedback.")] = "",
) -> None:
    """Rank open cases by breach risk and select the ones to work on first."""
    from .risk import run_risk, save_feedback

    if feedback is not None:
        save_feedback(config, feedback, verdict, note, as_json)
        return
    cases_per_day = one_option("deskcast risk", "--budget", budget, cases_per_day)
    run_risk(lambda: open_for(config, as_of, out), out, as_json, cases_per_day, capacity, show_all=show_all)


@app.command()
def watch(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
    acknowledge: Annotated[
        str | None, typer.Option(metavar="ID", help="Acknowledge a KPI alert; --all shows the ids.")
    ] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Note to save with --acknowledge or --feedback.")] = "",
    silence: Annotated[
        str | None, typer.Option(metavar="ID|KPI|SEGMENT", help="Mute an alert, KPI or segment until --until.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="End of --silence, such as 2024-03-31.")] = None,
    feedback: Annotated[
        str | None, typer.Option(metavar="ID", help="Say whether an alert was real, or its advice done.")
    ] = None,
    verdict: Annotated[
        str,
        typer.Option(help="With --feedback: was real or was noise; of its advice done, helped, no help, not needed."),
    ] = "",
    advice: Annotated[int, typer.Option(help="With --feedback: which piece of advice was tried.", min=1)] = 1,
) -> None:
    """Detect KPI changes; new alerts first."""
    from .watch import apply_alert_actions, run_watch, save_alert_feedback

    if feedback is not None:
        save_alert_feedback(config, feedback, verdict, note, as_json, advice)
        return
    if apply_alert_actions(config, acknowledge, note, silence, until, as_json):
        return
    run_watch(lambda: open_for(config, as_of, out), output_stage, out, as_json, show_all=show_all)


for command in (articles, waiting, goals, compare, models, review, accuracy, drift, note, notes):
    app.command()(command)


@app.command()
def report(
    config: ConfigOption = DEFAULT_CONFIG,
    out: Annotated[Path | None, typer.Option("--out", help="The HTML file.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Show all tables and charts.")] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print it as PDF too: this needs Chromium, Chrome or Edge.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write one self-contained HTML file of one to four printed pages from the last results."""
    from .report import print_report

    print_report(config, out, full=full, pdf=pdf, as_json=as_json)


app.command()(run)
app.command()(alarms)
app.command()(doctor)
app.command()(serve)
