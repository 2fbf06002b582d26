"""The whole job in order: check, history, forecast, staff, train, risk, drift, watch, accuracy, report, record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ... import __version__
from ...features.errors import InputError
from ..project.project import Project
from ..project.specs import Config
from ..stage import Stage
from ..stages.stage_run import STAGES, StageRun
from ..words.instants import Instants, describe_stale_data


class ProgressListener(Protocol):
    """What a run tells of its progress: a stage has begun, has come so far, has ended."""

    def begin(self, stage: str) -> None:
        """Show that a stage has begun."""

    def end(self, stage: Stage) -> None:
        """Show that a stage has ended."""


class NoProgress:
    """Do nothing."""

    def begin(self, stage: str) -> None:
        """Do nothing."""

    def end(self, stage: Stage) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class RunOutcome:
    """What a run leaves: its stages, the report, the results folder, and what went wrong with record or data."""

    stages: tuple[Stage, ...]
    results: Path
    report: Path
    instants: Instants
    not_recorded: str = ""
    stale: str = ""
    not_retrained: str = ""

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Name and reason of each stage that had worked before and failed, of the record, and of stale data."""
        failed = [(stage.name, stage.failed) for stage in self.stages if stage.failed]
        more = (("record", self.not_recorded), ("retrain", self.not_retrained), ("freshness", self.stale))
        return failed + [(name, reason) for name, reason in more if reason]


def run_stages(project: Project, tell: ProgressListener | None = None) -> tuple[Stage, ...]:
    """Run every stage on an opened project; a stage that this data cannot feed says why and the rest goes on.

    One that fed it in the last results has failed, and keeps its last tables.
    """
    from ..store.last_tables import keep_last_tables

    tell, stages = tell or NoProgress(), StageRun(project)
    done: list[Stage] = []
    for name in STAGES:
        tell.begin(name)
        began = time.perf_counter()
        stage = keep_last_tables(stages.compute(name), project.config.results_folder, project.config.timezone)
        done.append(replace(stage, seconds=time.perf_counter() - began))
        tell.end(done[-1])
    return tuple(done)


def run(project: Project, tell: ProgressListener | None = None, *, record_runs: bool = True) -> RunOutcome:
    """Do the whole job and leave its results whole, or leave the last ones as they were.

    The tables and the report are written aside and moved into place in one step; only then is what they tell remembered
    as issued, and the run recorded in MLflow, so that nothing speaks of results that never came to be. A look back
    leaves its results in a folder of its own, and nothing of it is remembered.

    Raises
    ------
    InputError
        If the results folder cannot be written or the tracking store cannot be had, before any work is done.
    """
    from ..pages.report import write_report
    from ..store.incidents import check_alert_state
    from ..store.results import replace_folder, write_stages
    from ..store.tracking import check_store, record_run

    check_alert_state(project.config.state_place)
    if record_runs:
        check_store(project.config.tracking_uri, project.config.folder)
    tell = tell or NoProgress()
    folder = project.results_folder
    with replace_folder(folder) as staging:
        stages = run_stages(project, tell)
        tell.begin("report")
        began = time.perf_counter()
        instants = Instants.now(project.data_until, project.as_of)
        write_stages(stages, staging, version=__version__, fingerprint=project.fingerprint, instants=instants)
        write_report(
            stages,
            staging / "report.html",
            title=report_title(project.config),
            made_at=instants.made_at,
            instants=instants,
            version=__version__,
            timezone=project.config.timezone,
        )
        tell.end(Stage("report", findings=("One HTML file.",), seconds=time.perf_counter() - began))
    if not project.is_look_back:
        remember_stages(project, stages, instants)
    lost = _record(project, stages, instants, tell, record_run) if record_runs else ""
    untrained = _retrain(project, stages, instants, tell) if record_runs and not lost else ""
    fresh_s = None if project.is_look_back else project.config.run.fresh_s
    stale = describe_stale_data(instants, fresh_s, project.config.timezone)
    return RunOutcome(stages, folder, folder / "report.html", instants, lost, stale, untrained)


def _retrain(project: Project, stages: Sequence[Stage], instants: Instants, tell: ProgressListener) -> str:
    """Make challengers where they are due; return why that failed, as results and record stand by then."""
    from .retraining import retrain_if_due

    began, failed = time.perf_counter(), ""
    try:
        made = retrain_if_due(project, stages, instants)
    except InputError as error:
        made, failed = None, str(error)
    if made is not None or failed:
        tell.begin("retrain")
        said = ("New versions of the models: deskcast models.",) if made is not None else ()
        tell.end(Stage("retrain", findings=said, seconds=time.perf_counter() - began, failed=failed))
    return failed


def remember_stages(project: Project, stages: Sequence[Stage], instants: Instants) -> None:
    """Remember alerts, selected cases and all that is issued by these stages, in one transaction.

    Raises
    ------
    InputError
        If the state cannot be written; then nothing of it is remembered, and the same run again remembers it.
    """
    from ..stages.issuing import issue_stages
    from ..stages.shadow import issue_shadow
    from ..stages.volume_challenger import forecast_trial, issue_trial
    from ..stages.watch import save_watch_stage
    from ..state.database import change_state
    from ..store.flagged_cases import save_flags

    place, done = project.config.state_place, {stage.name: stage for stage in stages}
    ahead = done.get("forecast")
    is_issued = ahead is not None and not ahead.skipped and not ahead.tables_made_at
    trial = forecast_trial(project) if is_issued else None  # before the state is held
    with change_state(place) as state:
        if "watch" in done:
            save_watch_stage(project, done["watch"])
        risk = done.get("risk")
        if risk is not None and "risk" in risk.tables and not risk.tables_made_at:
            save_flags(place, risk.tables["risk"], project.data_until)
        issue_stages(state, project, stages, instants)
        if risk is not None and not risk.skipped:
            issue_shadow(state, project, instants)
        issue_trial(state, instants, trial)


def replace_stage(project: Project, stage: Stage) -> None:
    """Put one stage into the last results in place of its former self, and write their report anew.

    Where there are no results yet, they hold this stage alone.

    Raises
    ------
    InputError
        If the results folder cannot be written.
    """
    from ..pages.report import write_report
    from ..store.atomic_replace import find_current_folder
    from ..store.results import read_results, replace_folder, write_stages

    folder = project.results_folder
    stages = list(read_results(folder).stages) if find_current_folder(folder).is_dir() else []
    stages = [stage if old.name == stage.name else old for old in stages]
    stages += [stage] if stage.name not in {old.name for old in stages} else []
    instants = Instants.now(project.data_until, project.as_of)
    with replace_folder(folder) as staging:
        write_stages(stages, staging, version=__version__, fingerprint=project.fingerprint, instants=instants)
        told = {"made_at": instants.made_at, "version": __version__, "timezone": project.config.timezone}
        told["instants"] = instants
        write_report(stages, staging / "report.html", title=report_title(project.config), **told)  # type: ignore[arg-type]


def _record(
    project: Project,
    stages: Sequence[Stage],
    instants: Instants,
    tell: ProgressListener,
    record: Callable[..., object],
) -> str:
    """Record a run; return why that failed, as the results stand by then."""
    from ..store.run_summary import list_settings
    from .retraining import drop_expired

    tell.begin("record")
    began, failed = time.perf_counter(), ""
    try:
        record(
            stages,
            uri=project.config.tracking_uri,
            experiment=project.config.experiment,
            folder=project.config.folder,
            fingerprint=project.fingerprint,
            tables_dir=project.results_folder,
            instants=instants,
            settings=list_settings(project.config),
        )
        drop_expired(project.config)
    except InputError as error:
        failed = str(error)
    said = () if failed else ("MLflow runs, one a stage.",)
    tell.end(Stage("record", findings=said, seconds=time.perf_counter() - began, failed=failed))
    return failed


def report_title(config: Config) -> str:
    """Return the title of a report: the name of the folder that holds the configuration."""
    return config.folder.resolve().name
