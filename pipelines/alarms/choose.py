"""Which alarms a night gives: what it found, chosen by what each section of the configuration asks for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from ..project.checks import split_values
from ..project.night_specs import AlarmSpec
from ..stage import Stage
from ..words.facts import Fact, audience_of, facts_of
from ..words.incidents import alert_sentence, find_advice, goal_sentences
from ..words.instants import Instants
from ..words.words import format_count, format_probability

#: A goal below this chance is told about.
MIN_GOAL_CHANCE = 0.5
#: Segments by these columns name a person.
PERSON_COLUMNS = ("customer_id", "agent_id", "actor_id", "owner")
#: Stages of which a digest states the first finding.
_DIGEST_STAGES = ("forecast", "staff", "history", "drift")
#: News of an alert that are told.
_TOLD_NEWS = ("opened", "updated", "resolved")
_HIDDEN = "(a person)"


@dataclass(frozen=True)
class Alarm:
    """What one message says.

    Attributes
    ----------
    kind
        ``alert``, ``risk``, ``goal``, ``drift``, ``failed``, ``stale`` or ``digest``.
    key
        What it is about: the same key is sent to the same receiver once.
    subject
        One line.
    lines
        Sentences with figures.
    figures
        The same figures for programs.
    """

    kind: str
    key: str
    subject: str
    lines: tuple[str, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)


def choose_alarms(
    spec: AlarmSpec,
    stages: Sequence[Stage],
    instants: Instants,
    failures: Sequence[tuple[str, str]] = (),
    timezone: str = "UTC",
    freq: str = "",
    noun: str = "case",
) -> list[Alarm]:
    """Return the alarms that a section asks for, of the stages of a night; nothing is sent.

    Parameters
    ----------
    spec
        A section ``[[alarm]]``.
    stages
        What the run found; tables of an earlier night give no alarm.
    instants
        Of the run.
    failures
        Name and reason of what failed; ``freshness`` is told as stale data.
    timezone
        Clock of the desk, on which days are counted.
    freq
        Frequency of the history, to state counts by the day or hour.
    noun
        What the log counts as opened cases: ``case``, or ``arrival`` in a log of counts.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> at = pd.Timestamp("2024-03-04T06:00Z")
    >>> now = Instants(at, at, datetime(2024, 3, 4, 7, tzinfo=UTC))
    >>> failed = choose_alarms(AlarmSpec(on="failed", file="f"), (), now, [("staff", "no calls")])
    >>> [(alarm.subject, alarm.lines) for alarm in failed]
    [('Run failed: staff', ('staff failed: no calls.',))]
    """
    now = {stage.name: stage for stage in stages if stage.tables_made_at is None and not stage.failed}
    at = instants.as_of.tz_convert(timezone).tz_localize(None)
    advice = now["watch"].tables.get("advice") if "watch" in now else None
    write = partial(_alert_line, names=spec.names, at=at, freq=freq, noun=noun, advice=advice)
    if spec.on == "alert":
        return _alerts(spec, now, write)
    if spec.on == "risk":
        return _risk(spec, now, instants, timezone)
    if spec.on == "goal":
        return _goals(spec, now)
    if spec.on == "drift":
        return _drift(now, instants, timezone)
    if spec.on in ("failed", "stale"):
        return _failures(spec.on, failures, instants)
    return _digest(spec, now, failures, _day(instants.as_of, timezone), write)


def is_chosen(conditions: Mapping[str, str], values: Mapping[str, Iterable[str]]) -> bool:
    """Tell whether each condition holds for one of the values of its column.

    >>> is_chosen({"channel": "phone|chat"}, {"channel": ["chat"]}), is_chosen({"team": "a"}, {})
    (True, False)
    """
    return all(set(split_values(wanted)) & set(values.get(key, ())) for key, wanted in conditions.items())


def _alerts(spec: AlarmSpec, now: Mapping[str, Stage], write: Callable[[Any], str]) -> list[Alarm]:
    table = now["watch"].tables.get("kpi_alerts") if "watch" in now else None
    if table is None:
        return []
    found = []
    for row in table[table["news"].isin(_TOLD_NEWS)].itertuples():
        if is_chosen(spec.for_, {"kpi": [str(row.kpi)], **_segments(str(row.members))}):
            line = write(row)
            figures = {name: _plain(getattr(row, name)) for name in ("kpi", "before", "after", "impact", "state")}
            key = f"{row.alert_id}: {row.news}" + (f" {str(row.updated_at)[:19]}" if row.news == "updated" else "")
            found.append(
                Alarm("alert", key, line.partition(". ")[0], (line,), figures | {"alert_id": str(row.alert_id)})
            )
    return found


def _segments(members: str) -> dict[str, list[str]]:
    """Return column -> values of the segments that an alert is about.

    >>> _segments("product Mobile, region Portugal; product Mobile")
    {'product': ['Mobile', 'Mobile'], 'region': ['Portugal']}
    """
    found: dict[str, list[str]] = {}
    for part in members.replace("; ", ", ").split(", "):
        column, _, value = part.partition(" ")
        if value:
            found.setdefault(column, []).append(value)
    return found


def _alert_line(
    row: Any, *, names: bool, at: pd.Timestamp, freq: str, noun: str, advice: pd.DataFrame | None = None
) -> str:
    """Write an alert; without names nobody is quoted, and a segment that is a person has none."""
    tried = find_advice(advice, row.alert_id)
    if names:
        return str(alert_sentence(row, at, freq, noun, tried))
    bare = row._replace(acknowledged_by="", note="", causes="")
    texts = {c: getattr(bare, c) for c in ("series", "members", "drivers", "other_kpis", "ongoing_kpis")}
    return str(
        alert_sentence(bare._replace(**{c: _without_persons(v) for c, v in texts.items()}), at, freq, noun, tried)
    )


def _without_persons(text: Any) -> Any:
    """Put a mark for the values of segments that are persons.

    >>> _without_persons("agent_id ann, channel web; csat down (owner bob)")
    'agent_id (a person), channel web; csat down (owner (a person))'
    """
    pattern = rf"\b({'|'.join(PERSON_COLUMNS)}) [^,;()]+"
    return re.sub(pattern, rf"\1 {_HIDDEN}", text) if isinstance(text, str) else text


def _risk(spec: AlarmSpec, now: Mapping[str, Stage], instants: Instants, timezone: str) -> list[Alarm]:
    table = now["risk"].tables.get("risk") if "risk" in now else None
    if table is None:
        return []
    for key, wanted in spec.for_.items():
        table = table[table[key].astype("str").isin(split_values(wanted))]
    first = table[table["work_first"].astype(bool)]
    if first.empty:
        return []
    lost, expected = (float(rows["probability"].sum()) for rows in (first, table))
    less, some = (f"{Fact('breaches', 'all', value):about}" for value in (lost, expected))
    line = f"{format_count(len(first), 'case')} to work on first: {less} will breach otherwise."
    lines = [line, f"{some[:1].upper()}{some[1:]} of {format_count(len(table), 'open case')} will breach."]
    if spec.names:
        lines += [_case_line(row) for row in first.itertuples()]
    figures = {"work_first": len(first), "open": len(table), "expected": round(expected, 2)}
    # two sections may tell the same receiver of the cases of two teams
    key = " ".join([_day(instants.as_of, timezone), *(f"{name}={wanted}" for name, wanted in spec.for_.items())])
    return [Alarm("risk", key, line.rstrip("."), tuple(lines), figures)]


def _case_line(row: Any) -> str:
    owner = "no owner" if pd.isna(row.owner) or not str(row.owner) else f"owner {row.owner}"
    return f"{row.case_id}: {format_probability(row.probability)}, {owner}"


def _goals(spec: AlarmSpec, now: Mapping[str, Stage]) -> list[Alarm]:
    table = next((s.tables["goals"] for s in now.values() if "goals" in s.tables), None)
    if table is None:
        return []
    table = table[table["probability"] < MIN_GOAL_CHANCE].reset_index(drop=True)
    found = []
    for row, said in zip(table.itertuples(), goal_sentences(table), strict=True):
        if is_chosen(spec.for_, {"kpi": [str(row.kpi)]}):
            figures = {
                name: _plain(getattr(row, name)) for name in ("kpi", "target", "so_far", "forecast", "probability")
            }
            subject = str(said).split(";")[0]
            found.append(Alarm("goal", f"{row.name} {row.start:%Y-%m-%d}", subject, (str(said),), figures))
    return found


def _drift(now: Mapping[str, Stage], instants: Instants, timezone: str) -> list[Alarm]:
    stage = now.get("drift")
    if stage is None or not stage.metrics.get("moved", 0.0):
        return []
    lines = tuple(str(said) for said in stage.findings)
    # what lasts is told again with the week
    week = "{}-W{:02d}".format(*instants.as_of.tz_convert(timezone).isocalendar()[:2])
    figures = {name: _plain(value) for name, value in stage.metrics.items()}
    return [Alarm("drift", week, "The risk model has drifted", lines, figures)]


def _failures(kind: str, failures: Sequence[tuple[str, str]], instants: Instants) -> list[Alarm]:
    """Return one alarm for each failure; one that lasts is told once a week."""
    week = "{}-W{:02d}".format(*instants.made_at.isocalendar()[:2])
    found = []
    for name, reason in failures:
        if (name == "freshness") == (kind == "stale"):
            mark = hashlib.sha256(f"{name}: {reason if kind == 'failed' else ''}".encode()).hexdigest()[:12]
            subject = "The data are stale" if kind == "stale" else f"Run failed: {name}"
            line = reason[:1].upper() + reason[1:] if kind == "stale" else f"{name} failed: {reason}"
            found.append(Alarm(kind, f"{week} {mark}", subject, (f"{line.rstrip('.')}.",), {"what": name}))
    return found


def _digest(
    spec: AlarmSpec,
    now: Mapping[str, Stage],
    failures: Sequence[tuple[str, str]],
    day: str,
    write: Callable[[Any], str],
) -> list[Alarm]:
    """Return the day in a few lines: risk, alerts, goals, and the first finding of other stages."""
    named = spec.names
    lines = [f"{name} failed: {reason.rstrip('.')}." for name, reason in failures]
    risk = now.get("risk")
    lines += [] if risk is None else [str(s) for s in risk.findings[:2] if named or not _is_on_case(s)]
    alerts = now["watch"].tables.get("kpi_alerts") if "watch" in now else None
    if alerts is not None:
        told = alerts[alerts["news"].isin(_TOLD_NEWS)]
        lines += [write(row) for row in told.itertuples()]
        lines += [] if len(told) else ["No new KPI alerts."]
    goals = next((s.tables["goals"] for s in now.values() if "goals" in s.tables), None)
    lines += [] if goals is None else [str(said) for said in goal_sentences(goals)]
    for name in _DIGEST_STAGES:
        said = [str(s) for s in now[name].findings if audience_of(s) == "everyone"] if name in now else []
        lines += said[:1]
    return [Alarm("digest", day, f"Service desk on {day}", tuple(lines), {"failures": len(failures)})]


def _is_on_case(said: str) -> bool:
    return any(fact.kind == "breach_risk" for fact in facts_of([said]))


def _day(at: pd.Timestamp, timezone: str) -> str:
    return f"{at.tz_convert(timezone):%Y-%m-%d}"


def _plain(value: Any) -> Any:
    """Return a figure as JSON has it: what is missing is ``None``."""
    if isinstance(value, str):
        return value
    return None if pd.isna(value) else round(float(value), 6)
