"""The commands ``accuracy``, ``drift`` and ``doctor``: how good what was issued was, what has moved, what is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .forecast import PictureOption, check_files, write_charts
from .options import (
    DEFAULT_CONFIG,
    AllOption,
    AsOfOption,
    ConfigOption,
    JsonOption,
    OutOption,
    answer_of,
    instants_of,
    open_for,
)

#: Tables that a terminal shows, in their order; the first that is there is the main one.
SHOWN_TABLES = (
    *("accuracy_risk", "accuracy_forecast_by_lead", "accuracy_staffing", "accuracy_schedule", "accuracy_casework"),
    *("accuracy_risk_by_night", "accuracy_goals", "accuracy_alerts", "accuracy_advice", "accuracy_actions"),
)


def accuracy(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
    table: Annotated[str | None, typer.Option(help="Table to show and to write, such as accuracy_forecast.")] = None,
    issued: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help="Show what was issued: forecast, staffing, casework, plan, risk, goal or alert."
        ),
    ] = None,
    picture: PictureOption = None,
) -> None:
    """Compare issued forecasts, staffing, risks, goals and alerts with what was observed since."""
    from ...features.errors import InputError, did_you_mean
    from ..stages.accuracy import accuracy_stage
    from .screen import wrap_finding
    from .terminal import format_state_line, output_stage, print_styled, show_spinner

    if issued is not None:
        others = [name for name, value in (("--table", table), ("--picture", picture)) if value is not None]
        if others:
            raise typer.BadParameter(f"--issued and {others[0]} exclude each other: give one", param_hint=others[0])
        _write_issued(config, issued, as_of, out, as_json)
        return
    if picture is not None:
        check_files(picture, None, out)
    project = open_for(config, as_of, out)
    with show_spinner("comparing"):
        stage = accuracy_stage(project)
        if picture is not None:
            write_charts(project, stage, picture)
    there = [name for name in SHOWN_TABLES if name in stage.tables]
    if not there and table is None and out is None and not as_json:
        said = [line for text in stage.findings for line in wrap_finding(text)]
        print_styled([format_state_line(instants_of(project), project.config.timezone), *said])
        return
    main = table or (there[0] if there else "accuracy_figures")
    if main not in stage.tables and (table or out):
        hint = did_you_mean(main, list(stage.tables)) if there else "nothing that was issued is decided yet"
        raise InputError(f"unknown table '{main}'", where="--table", hint=hint, code="table.unknown")
    also = [name for name in there if name != main]
    output_stage(stage, main, out, as_json, *also, **answer_of(project, show_all))


def _write_issued(config: Path, kind: str, as_of: str | None, out: Path | None, as_json: bool) -> None:
    """Write what was issued of one kind until an instant as a table, or print it as JSON."""
    from ...features.errors import InputError, did_you_mean
    from ..project.config import load_config
    from ..stage import Stage
    from ..state.database import read_state
    from ..state.issued import read_issued
    from ..state.schema import ISSUED_TABLES
    from ..store.table_files import check_table_path, write_table
    from .terminal import output_stage, print_line

    if kind not in ISSUED_TABLES:
        hint = did_you_mean(kind, list(ISSUED_TABLES))
        raise InputError("unknown kind", where="--issued", got=kind, hint=hint, code="table.unknown")
    if out is not None:
        check_table_path(out)
    spec = load_config(config)
    until = None if as_of is None else open_for(config, as_of, out).as_of
    with read_state(spec.state_place) as state:
        found = read_issued(state, kind, until)
    if out is not None:
        write_table(found, out)
    if as_json:
        print_line(str(found.to_json(orient="records", date_format="iso")))
    elif out is None:
        said = f"{len(found):,} rows were issued; --out FILE writes them."
        output_stage(Stage("accuracy", {kind: found}, (said,)), kind, None, as_json=False, zone=spec.timezone)
    else:
        print_line(f"{len(found):,} rows that were issued are in {out}.")


def drift(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    as_of: AsOfOption = None,
    show_all: AllOption = False,
) -> None:
    """Say whether open cases and outcomes have changed so much that the breach model should be trained again."""
    from ..stages.champion import use_or_train
    from ..stages.drift import drift_stage
    from .terminal import output_stage, show_spinner

    project = open_for(config, as_of, out)
    with show_spinner("comparing"):
        trained, model = use_or_train(project)  # the model whose training `run` compares with too
        stage = drift_stage(project, model) if model else trained
    main = "drift_checks" if "drift_checks" in stage.tables or stage.skipped else "drift_figures"
    output_stage(stage, main, out, as_json, **answer_of(project, show_all))


def doctor(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Check whether results, state and tracking store are whole, and say how to mend what is not."""
    import json
    from dataclasses import asdict

    from ..project.config import load_config
    from ..registry.champions import examine_models
    from ..store.doctor import examine
    from .exit_codes import EXIT_INPUT, EXIT_STAGE_FAILED
    from .terminal import print_line

    spec = load_config(config)
    checks = examine(spec)
    if ("state", "whole") in {(check.what, check.condition) for check in checks}:
        checks += examine_models(spec)
    conditions = [check.condition for check in checks]
    if as_json:
        print_line(json.dumps({"checks": [asdict(check) for check in checks]}, ensure_ascii=False, indent=2))
    else:
        for check in checks:
            mend = f" To mend: {check.mend}" if check.mend else ""
            print_line(f"{check.condition:<7} {check.what}: {check.said}{mend}")
        bad = conditions.count("broken") + conditions.count("failed")
        print_line(f"{bad} of {len(checks)} checks found something to mend." if bad else "Nothing is broken.")
    if "broken" in conditions:
        raise typer.Exit(EXIT_INPUT)
    if "failed" in conditions:
        raise typer.Exit(EXIT_STAGE_FAILED)
