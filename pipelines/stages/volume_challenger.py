"""A challenger to the forecast in use: other settings, issued beside it from now on, and judged by what came since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from ...features.errors import InputError
from ...models.evaluation.paired_forecasts import ForecastVerdict, Quantiles, compare_forecasts, explain_few_windows
from ..project.fields import split_models
from ..project.project import Project
from ..project.specs import Config, ForecastSpec
from ..registry.decisions import IN_USE, PROMOTED, SHADOWED, Decision, mark_forecast, read_decisions
from ..registry.register import VOLUME, NewModel
from ..state.database import read_state
from ..state.issue import Issue, issue_rows
from ..state.issued import SHADOW, read_issued, read_issues
from ..words.instants import Instants
from .accuracy_volumes import judge_forecasts
from .forecast import add_up, forecast_context, forecast_series, read_known_columns
from .forecast_target import find_forecast_target
from .registered import make_volume_version
from .volume_champion import (
    apply_settings,
    find_volume_champion,
    format_settings,
    load_settings,
    read_settings,
)

#: Past windows of a challenger to those of the configuration: choice and intervals rest on a longer past.
WINDOWS_FACTOR = 2
#: For how long a challenger is issued where nobody trains again.
MAX_SHADOW_DAYS = 120
FIRST_REASON = "No version for this forecast was in use before."


@dataclass(frozen=True)
class VolumeTraining:
    """What ``train`` decided on the forecast.

    Attributes
    ----------
    new
        A version to register; ``None`` where the one on trial has not been judged yet, or nothing is left to try.
    decision, reason
        What is decided on the new version, and why.
    judged
        The version on trial, where it was judged.
    verdict
        What came of it; where it was too early it is in no decision.
    """

    new: NewModel | None = None
    decision: str = ""
    reason: str = ""
    judged: Decision | None = None
    verdict: ForecastVerdict | None = None

    @property
    def until(self) -> int:
        """Days for which the new version is issued beside the one in use."""
        return MAX_SHADOW_DAYS


def train_volume(project: Project) -> VolumeTraining:
    """Judge the version on trial by what was issued, and put the next choice of settings on trial.

    Parameters
    ----------
    project
        Opened, no look back.

    Returns
    -------
    What to register and what to decide. The first version, and one after ``[forecast]`` was changed, is that of the
    configuration and is used at once.
    """
    config, spec = project.config, project.config.forecast
    current = find_volume_champion(config, project.log.until)
    if current is None:
        return VolumeTraining(make_volume_version(project, spec), PROMOTED, FIRST_REASON)
    with read_state(config.state_place) as state:
        past = [one for one in read_decisions(state, config.experiment, VOLUME) if _is_of(one, config)]
        trial = find_trial(past, project.log.until)
        verdict = None if trial is None else judge_trial(state, project, current, trial)
    if verdict is not None and not verdict.is_decided:
        return VolumeTraining(verdict=verdict)
    in_use = current if verdict is None or not verdict.is_promoted or trial is None else trial
    settings = choose_next(list_settings(project), load_settings(config, in_use), past)
    judged = {"judged": trial, "verdict": verdict}
    if settings is None:
        return VolumeTraining(**judged)  # type: ignore[arg-type]
    new = make_volume_version(project, apply_settings(spec, settings))
    reason = f"It is issued beside the version in use until it is judged: {format_settings(settings)}."
    return VolumeTraining(new, SHADOWED, reason, **judged)  # type: ignore[arg-type]


def _is_of(decision: Decision, config: Config) -> bool:
    return bool(decision.body.get("forecast") == mark_forecast(config))


def list_settings(project: Project) -> list[dict[str, Any]]:
    """Return the choices of settings that may be tried, those of the configuration first.

    Another KPI than a count chooses among methods of its own, so that only the past windows differ.
    """
    spec = project.config.forecast
    tried = [spec]
    if find_forecast_target(project, spec).is_additive:
        tried += [apply_settings(spec, {"models": split_models(one)}) for one in project.config.model.challengers]
    tried.append(apply_settings(spec, {"windows": WINDOWS_FACTOR * spec.windows}))
    return [read_settings(one) for one in tried]


def choose_next(
    tried: Sequence[dict[str, Any]], in_use: dict[str, Any], past: Sequence[Decision]
) -> dict[str, Any] | None:
    """Return the settings that were on trial longest ago, or never; ``None`` where all are those in use.

    >>> one, two = ({"models": (name,), "windows": 12, "reconcile": "wls"} for name in ("auto", "core"))
    >>> choose_next([one, two], one, [])["models"], choose_next([one], one, [])
    (('core',), None)
    """
    other = [settings for settings in tried if settings != in_use]
    last = {_name(one.body.get("settings")): place for place, one in enumerate(past)}
    return min(other, key=lambda settings: last.get(_name(settings), -1), default=None)


def _name(settings: Any) -> str:
    return "" if not settings else format_settings(settings)


def find_trial(decisions: Sequence[Decision], until: pd.Timestamp) -> Decision | None:
    """Return the version that is issued beside the one in use; ``None`` where none is.

    Parameters
    ----------
    decisions
        On the volume model, the oldest first; it ends with a later one on the same version, or on which is in use.
    until
        The instant.

    Examples
    --------
    >>> body = {"until": "2024-06-01T00:00+00:00", "as_of": "2024-03-01T00:00+00:00"}
    >>> made = [Decision("m", "1", "promoted", ""), Decision("m", "2", "shadowed", "", body)]
    >>> at = pd.Timestamp("2024-03-20T00:00Z")
    >>> find_trial(made, at).version, find_trial([*made, Decision("m", "2", "kept", "")], at)
    ('2', None)
    """
    found = None
    for one in decisions:
        if one.decision == SHADOWED:
            found = one
        elif one.decision in IN_USE or (found is not None and one.version == found.version):
            found = None
    return found if found is not None and until <= pd.Timestamp(found.body["until"]) else None


def issue_trial(state: Connection, instants: Instants, trial: IssuedTrial | None) -> int:
    """Write down what the version on trial forecast; it is in no table but those of the track record."""
    if trial is None:
        return 0
    issue = Issue(
        "forecast", trial.scope, instants.as_of, instants.data_until, instants.made_at, trial.model, trial.settings
    )
    return len(trial.rows) if issue_rows(state, issue, trial.rows) else 0


@dataclass(frozen=True)
class IssuedTrial:
    """What a version on trial forecasts, and what the state says of it."""

    scope: str
    model: str
    settings: dict[str, Any]
    rows: pd.DataFrame


def forecast_trial(project: Project) -> IssuedTrial | None:
    """Forecast by the version on trial, with what is known now; ``None`` where none is, or it cannot forecast this log.

    It is on trial: the run does not fail by it, and a window that it did not issue is missing in the comparison.
    """
    config, spec = project.config, project.config.forecast
    if project.is_look_back or find_volume_champion(config, project.log.until) is None:
        return None
    with read_state(config.state_place) as state:
        past = [one for one in read_decisions(state, config.experiment, VOLUME) if _is_of(one, config)]
    trial = find_trial(past, project.log.until)
    if trial is None:
        return None
    try:
        asked = apply_settings(spec, load_settings(config, trial))
        target = find_forecast_target(project, asked)
        context = forecast_context(config, project) | read_known_columns(config)
        ahead, together = forecast_series(target, asked, context)
        rows = add_up(target, ahead, together, asked, context).leaves
    except InputError:
        return None
    settings = {"kpi": target.kpi, "freq": spec.freq, "by": list(spec.by), "version": trial.version}
    return IssuedTrial(f"{target.kpi} {spec.freq}{SHADOW}", f"version {trial.version}", settings, rows)


def judge_trial(state: Connection | None, project: Project, current: Decision, trial: Decision) -> ForecastVerdict:
    """Judge the version on trial against the one in use, both as they were issued.

    Only windows that both issued at one instant count, and of them the time steps that are over.
    """
    spec = project.config.forecast
    target = find_forecast_target(project, spec)
    issues = read_issues(state, "forecast")
    by = [settings.get("version") for settings in issues["settings"]]
    issued = read_issued(state, "forecast", project.as_of)
    version = issued["issue_id"].map(dict(zip(issues["issue_id"], by, strict=True)))
    scope = f"{target.kpi} {spec.freq}"
    used = issued[(issued["scope"] == scope) & (version == current.version)]
    mine = issued[(issued["scope"] == f"{scope}{SHADOW}") & (version == trial.version)]
    keys = ["as_of", "unique_id", "ds"]
    both = used.merge(mine, on=keys, suffixes=("", "|trial"))
    end = pd.Timestamp(project.log.until).tz_convert(project.log.timezone).tz_localize(None)
    rows = judge_forecasts(both, target.actuals, end, spec.freq)
    columns = [c for one in ("", "|trial") for c in (f"deskcast{one}", *(f"{b}{one}" for b in _bounds(spec)))]
    if not set(columns) <= set(rows.columns):
        return ForecastVerdict(False, False, explain_few_windows(0, 0))
    rows = rows.dropna(subset=columns)
    groups = pd.DataFrame(dict(_split_series(rows["unique_id"], spec)), index=rows.index)
    old, new = (_quantiles(rows, spec, one) for one in ("", "|trial"))
    name = f"Version {trial.version}"
    outcome = rows["y"].to_numpy(dtype=float)
    return compare_forecasts(outcome, old, new, rows["as_of"], rows["ds"], groups=groups, name=name)


def _bounds(spec: ForecastSpec) -> list[str]:
    return [f"deskcast-{side}-{level:g}" for level in spec.levels for side in ("lo", "hi")]


def _quantiles(rows: pd.DataFrame, spec: ForecastSpec, ending: str) -> Quantiles:
    def column(name: str) -> Any:
        return rows[f"deskcast{name}{ending}"].to_numpy(dtype=float)

    return Quantiles(column(""), {float(v): (column(f"-lo-{v:g}"), column(f"-hi-{v:g}")) for v in spec.levels})


def _split_series(names: pd.Series, spec: ForecastSpec) -> Iterator[tuple[str, pd.Series]]:
    """Yield the segment of each row, by column of ``[forecast] by``."""
    parts = names.astype("str").str.split("/", n=max(len(spec.by) - 1, 0), expand=True)
    yield from ((column, parts[place]) for place, column in enumerate(spec.by) if place in parts)
