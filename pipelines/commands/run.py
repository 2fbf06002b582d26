"""The whole job in order: the stages from check to accuracy, the report, the record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ... import __version__
from ...features.errors import InputError
from ..alarms.send import Delivery, find_undelivered
from ..project.project import Project
from ..project.specs import Config
from ..stage import Stage
from ..stages.stage_run import OPTIONAL_STAGE, PLANNER_STAGES, STAGES, StageRun, list_stages
from ..store.export_memory import ExportChange, compare_exports
from ..words.instants import Instants, describe_stale_data

if TYPE_CHECKING:
    from ..stages.train import TrainedModel


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
    not_copied: str = ""
    not_reusable: str = ""
    not_left: str = ""
    missing: tuple[tuple[str, str], ...] = ()
    export: ExportChange = field(default_factory=ExportChange)
    deliveries: tuple[Delivery, ...] = ()
    not_sent: str = ""

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Name and reason of each stage that failed or is missing, of the export, the record, and stale data."""
        failed = [(stage.name, stage.failed) for stage in self.stages if stage.failed]
        failed += [*self.missing, *(("export", fault) for fault in self.export.faults)]
        failed += [("results", self.not_copied)] if self.not_copied else []
        failed += [("reuse", self.not_reusable)] if self.not_reusable else []
        more = (("record", self.not_recorded), ("retrain", self.not_retrained), ("freshness", self.stale))
        return failed + [(name, reason) for name, reason in more if reason]

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth a note and no failure."""
        return self.export.notes + ((self.not_left,) if self.not_left else ())

    @property
    def undelivered(self) -> list[str]:
        """Why alarms did not arrive, or that nobody knows; with the receiver."""
        ends = [f"{one.alarm.target}: {one.error}" for one in find_undelivered(self.deliveries)]
        return ends + ([self.not_sent] if self.not_sent else [])


def run_stages(
    project: Project, tell: ProgressListener | None = None, stages: StageRun | None = None
) -> tuple[Stage, ...]:
    """Run every stage on an opened project; a stage that this data cannot feed says why and the rest goes on.

    One that fed it in the last results has failed, and keeps its last tables. ``stages`` is for whoever needs
    the models that were trained on the way.
    """
    from ..store.last_tables import keep_last_tables

    tell, stages = tell or NoProgress(), stages or StageRun(project)
    done: list[Stage] = []
    for name in list_stages(project.config):
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
    from ..store.reuse import describe_reuse, reuse_last_night
    from ..store.tracking import check_store, record_run

    check_alert_state(project.config.state_place)
    if record_runs:
        check_store(project.config.tracking_uri, project.config.folder)
    tell = tell or NoProgress()
    folder = project.results_folder
    with replace_folder(folder) as staging:
        with reuse_last_night(project) as store:
            work = StageRun(project)
            stages = run_stages(project, tell, work)
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
    fresh_s = None if project.is_look_back else project.config.run.fresh_s
    stale = describe_stale_data(instants, fresh_s, project.config.timezone)
    broken, not_left = describe_reuse(store)
    missing = find_missing(project, stages)
    ended = RunOutcome(
        stages, folder, folder / "report.html", instants,
        stale=stale, missing=missing, not_reusable=broken, not_left=not_left,
    )  # fmt: skip
    if not project.is_look_back:
        ended = remember_night(project, ended, work.trained)
        ended = replace(ended, not_copied=_copy_results(project.config, folder, tell))
    lost = _record(project, stages, instants, tell, record_run) if record_runs else ""
    untrained = _retrain(project, stages, instants, tell) if record_runs and not lost else ""
    ended = replace(ended, not_recorded=lost, not_retrained=untrained)
    return ended if project.is_look_back else tell_people(project.config, ended)


def find_missing(project: Project, stages: Sequence[Stage]) -> tuple[tuple[str, str], ...]:
    """Return what ``[run] required`` asks for and is not there: stages that were not done, tables without rows."""
    done, found = {stage.name: stage for stage in stages}, []
    for name in project.config.run.required:
        if name in (*STAGES, OPTIONAL_STAGE, *PLANNER_STAGES):
            stage = done.get(name)
            if stage is not None and not stage.failed and stage.skipped:
                found.append((name, f"it is required and was not done: {stage.skipped}"))
        elif not project.log.has(name) or not len(project.log.frame(project.log.table(name).limit(1))):
            found.append((name, "the table is required and has no rows"))
    return tuple(found)


def tell_people(config: Config, ended: RunOutcome) -> RunOutcome:
    """Send the alarms that are due; what failed after the night was remembered is put into the outbox first."""
    from ..alarms.outbox import queue_failures
    from ..alarms.send import send_waiting

    if not config.alarms:
        return ended
    try:
        queue_failures(config, ended.instants, ended.failures)
        return replace(ended, deliveries=tuple(send_waiting(config)))
    except InputError as error:
        return replace(ended, not_sent=str(error))


def _copy_results(config: Config, folder: Path, tell: ProgressListener) -> str:
    """Put the results into the database that is named; return why that failed, as the folder stands by then."""
    if config.results_copy.database is None:
        return ""
    from ..store.database_results import copy_results

    tell.begin("results")
    began, failed = time.perf_counter(), ""
    try:
        copy_results(config.results_copy, folder)
    except InputError as error:
        failed = str(error)
    said = () if failed else ("Tables of the last run in PostgreSQL.",)
    tell.end(Stage("results", findings=said, seconds=time.perf_counter() - began, failed=failed))
    return failed


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


def remember_night(project: Project, ended: RunOutcome, trained: TrainedModel | None = None) -> RunOutcome:
    """Remember what a night found, its models, its export and its alarms in one transaction.

    Returns
    -------
    The outcome with how the export differs from the last one.
    """
    from ..alarms.outbox import queue_alarms
    from ..stages.champion import keep_trained
    from ..stages.forecast_target import find_counted_noun
    from ..stages.volume_challenger import forecast_trial, issue_trial
    from ..state.database import change_state
    from ..store.export_memory import describe_export, read_last_export, write_last_export

    export, noun = describe_export(project), find_counted_noun(project, "cases_opened")
    ahead = next((stage for stage in ended.stages if stage.name == "forecast"), None)
    is_issued = ahead is not None and not ahead.skipped and not ahead.tables_made_at
    trial = forecast_trial(project) if is_issued else None  # before the state is held: it takes its time
    with change_state(project.config.state_place) as state:
        clock = ended.instants.made_at if project.asked_at is None else None
        change = compare_exports(read_last_export(state), export, clock, project.config.run.shrink)
        ended = replace(ended, export=change)
        write_last_export(state, export)
        remember_stages(project, ended.stages, ended.instants)
        not_kept = keep_trained(state, project, trained, ended.stages)
        ended = replace(ended, not_left=ended.not_left or not_kept)
        issue_trial(state, ended.instants, trial)
        queue_alarms(state, project.config, ended.stages, ended.instants, ended.failures, noun)
    return ended


def remember_stages(project: Project, stages: Sequence[Stage], instants: Instants) -> None:
    """Remember alerts, selected cases and all that is issued by these stages, in one transaction.

    Raises
    ------
    InputError
        If the state cannot be written; then nothing of it is remembered, and the same run again remembers it.
    """
    from ..stages.issuing import issue_stages
    from ..stages.shadow import issue_shadow
    from ..stages.watch import save_watch_stage
    from ..state.database import change_state
    from ..store.flagged_cases import save_flags

    place, done = project.config.state_place, {stage.name: stage for stage in stages}
    with change_state(place) as state:
        if "watch" in done:
            save_watch_stage(project, done["watch"])
        risk = done.get("risk")
        if risk is not None and "risk" in risk.tables and not risk.tables_made_at:
            save_flags(place, risk.tables["risk"], project.data_until)
        issue_stages(state, project, stages, instants)
        if risk is not None and not risk.skipped:
            issue_shadow(state, project, instants)


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
