"""The configuration: one TOML file, parsed into frozen values; an unknown key is an error with a suggestion."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ...features.case_log.schema import ATTRIBUTE_TIMINGS, TABLES
from ...features.durations import parse_duration
from ...features.errors import InputError, did_you_mean
from ...features.renamed import new_keys, new_name
from ...features.sources.spec import SourceSpec
from .checks import check_local_path, check_values, local_day
from .references import _check_references
from .specs import (
    ActionSpec,
    CalendarSpec,
    Config,
    EventSpec,
    ForecastSpec,
    GoalSpec,
    HistorySpec,
    RiskSpec,
    RunSpec,
    ShiftSpec,
    SlaSpec,
    StaffingSpec,
    WatchSpec,
)

#: Name of the file that every command looks for.
CONFIG_FILE = "deskcast.toml"

#: Keys that carry a duration with a unit, and the field in seconds that each fills.
_DURATIONS = {
    "target": "target_s",
    "within": "within_s",
    "patience": "patience_s",
    "aht": "aht_s",
    "interval": "interval_s",
    "slot": "slot_s",
    "sla": "sla_s",
    "step": "step_s",
    "break": "break_s",
    "repeat": "repeat_s",
    "survey": "survey_s",
    "deflection": "deflection_s",
    "capacity": "capacity_s",
    "effort": "effort_s",
    "fresh": "fresh_s",
}
_SECTIONS = (
    "timezone",
    "source",
    "calendar",
    "sla",
    "history",
    "forecast",
    "event",
    "staffing",
    "shifts",
    "risk",
    "action",
    "watch",
    "goal",
    "run",
    "tracking",
    "results",
)


def load_config(path: str | Path = CONFIG_FILE) -> Config:
    """Read and check a ``deskcast.toml``.

    Raises
    ------
    InputError
        If the file is missing or not TOML, or a key is unknown or has a value that cannot be used; the message
        names the key and suggests the nearest known one.
    """
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        hint = "make one with 'deskcast init EXPORT', or see it all with 'deskcast demo'"
        raise InputError("there is no such configuration", where=str(path), hint=hint) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "the configuration cannot be read: it is not UTF-8", where=str(path), hint="save it as UTF-8"
        ) from error
    except OSError as error:
        raise InputError(f"the configuration cannot be read: {error}", where=str(path)) from error
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise InputError(f"this is not TOML: {reason}", where=str(path)) from None
    return parse_config(raw, folder=file.resolve().parent, where=file.name)


def parse_config(raw: Mapping[str, Any], *, folder: Path, where: str = CONFIG_FILE) -> Config:
    """Turn parsed TOML into a :class:`Config`.

    >>> raw = {"source": {"cases": {"path": "cases.csv"}}, "timezone": "Europe/Lisbon"}
    >>> parse_config(raw, folder=Path(".")).sources[0].timezone
    'Europe/Lisbon'
    >>> parse_config({"sources": {}}, folder=Path("."))
    Traceback (most recent call last):
    deskcast.features.errors.InputError: deskcast.toml: column 'sources': unknown key (did you mean 'source'?)
    """
    _check_keys(raw, _SECTIONS, where)
    zone = _zone(raw.get("timezone", _first_zone(raw)), where)
    sources = tuple(
        _source(name, body, zone, f"{where} [source.{name}]") for name, body in _table(raw, "source", where).items()
    )
    if not sources:
        raise InputError("no source is configured", where=where, hint="add a [source.cases] section")
    calendars = {
        name: _build(CalendarSpec, body, f"{where} [calendar.{name}]", timezone=zone)
        for name, body in _table(raw, "calendar", where).items()
    }
    config = Config(
        folder=folder,
        sources=sources,
        timezone=zone,
        calendars=calendars,
        slas=tuple(_build(SlaSpec, b, f"{where} [[sla]] {i}") for i, b in enumerate(_list(raw, "sla", where), 1)),
        history=_build(HistorySpec, _table(raw, "history", where), f"{where} [history]"),
        forecast=_build(ForecastSpec, _table(raw, "forecast", where), f"{where} [forecast]"),
        events=tuple(_event(b, zone, f"{where} [[event]] {i}") for i, b in enumerate(_list(raw, "event", where), 1)),
        staffing={
            name: _build(StaffingSpec, body, f"{where} [staffing.{name}]")
            for name, body in _table(raw, "staffing", where).items()
        },
        shifts={
            name: _build(ShiftSpec, body, f"{where} [shifts.{name}]")
            for name, body in _table(raw, "shifts", where).items()
        },
        risk=_build(RiskSpec, _table(raw, "risk", where), f"{where} [risk]"),
        watch=_build(WatchSpec, _table(raw, "watch", where), f"{where} [watch]"),
        actions=tuple(
            _build(ActionSpec, b, f"{where} [[action]] {i}") for i, b in enumerate(_list(raw, "action", where), 1)
        ),
        goals=tuple(_build(GoalSpec, b, f"{where} [[goal]] {i}") for i, b in enumerate(_list(raw, "goal", where), 1)),
        run=_build(RunSpec, _table(raw, "run", where), f"{where} [run]"),
        **_tracking(raw, where),
        results=_results(raw, where),
    )
    _check_references(config, where)
    check_values(config, where)
    return config


def _table(raw: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    found = raw.get(key, {})
    if not isinstance(found, dict):
        raise InputError("this must be a section", where=where, column=key, got=found, wanted=f"[{key}]")
    return found


def _list(raw: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    found = raw.get(key, [])
    if not isinstance(found, list) or any(not isinstance(item, dict) for item in found):
        raise InputError("this must be a list of sections", where=where, column=key, wanted=f"[[{key}]]")
    return found


def _check_keys(raw: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in raw:
        if key not in known:
            raise InputError("unknown key", where=where, column=key, hint=did_you_mean(key, known))


def _build(kind: type[Any], body: Any, where: str, **defaults: Any) -> Any:
    """Fill a dataclass from a TOML section: durations to seconds, lists to tuples, types checked."""
    if not isinstance(body, dict):
        raise InputError("this must be a section", where=where, got=body)
    body = _in_new_names(body, where)
    declared = {f.name: f for f in fields(kind)}
    keys = {short: long for short, long in _DURATIONS.items() if long in declared}
    _check_keys(body, tuple(k for k in declared if k not in keys.values()) + tuple(keys), where)
    values = dict(defaults)
    for key, value in body.items():
        if key in keys:
            values[keys[key]] = parse_duration(value, where=where, column=key)
        else:
            values[key] = _typed(value, str(declared[key].type), where, key)
    missing = [n for n, f in declared.items() if n not in values and _is_required(f)]
    if missing:
        short = next((s for s, long in keys.items() if long == missing[0]), missing[0])
        raise InputError("this key is needed", where=where, column=short)
    return kind(**values)


def _in_new_names(body: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Rename old keys of a section, and what conditions and actions of old called the groups of reasons."""
    section = where.partition("[")[2].strip("[").partition("]")[0].partition(".")[0]
    found = new_keys(body, section, where)
    if isinstance(found.get("when"), dict) and section == "action":
        when = new_keys(found["when"], "when", f"{where} when")
        if isinstance(when.get("reason"), str):
            parts = [new_name("value", "reasons.group", p.strip(), where) for p in when["reason"].split("|")]
            when["reason"] = "|".join(parts)
        found["when"] = when
    if isinstance(found.get("actions"), dict):
        found["actions"] = {new_name("value", "reasons.group", k, where): v for k, v in found["actions"].items()}
    return found


def _is_required(declared: Any) -> bool:
    from dataclasses import MISSING

    return declared.default is MISSING and declared.default_factory is MISSING


def _typed(value: Any, declared: str, where: str, key: str) -> Any:
    """Check a TOML value against the annotation of its field; lists become tuples where tuples are declared."""
    wanted, good = declared, True
    if declared.startswith("tuple[int"):
        value = (value,) if isinstance(value, int) else value
        good, wanted = isinstance(value, (list, tuple)) and all(_is_int(v) for v in value), "a list of whole numbers"
    elif declared.startswith("tuple"):
        value = (value,) if isinstance(value, str) else value
        good, wanted = isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value), "a list of texts"
    elif declared.startswith("float | Mapping"):
        shares = value.values() if isinstance(value, dict) else [value]
        good = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in shares)
        wanted = "a number, or a table of numbers such as { leave = 0.15, breaks = 0.1 }"
    elif declared.startswith("Mapping[str, list"):
        good, wanted = isinstance(value, dict), 'a table such as { mon-fri = ["09:00-17:00"] }'
    elif declared.startswith("Mapping[str, Mapping"):
        good = isinstance(value, dict) and all(isinstance(v, dict) for v in value.values())
        wanted = 'a table of tables such as { reply = { high = "call the customer" } }'
    elif declared.startswith("Mapping"):
        good = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
        wanted = "a table of texts"
    elif declared == "str | list[str]":
        good, wanted = isinstance(value, (str, list)), 'a country such as "PT", or a list of dates'
        value = [str(v) for v in value] if isinstance(value, list) else value
    elif declared.startswith("str"):
        value = str(value) if not isinstance(value, (dict, list, bool)) else value
        good, wanted = isinstance(value, str), "text"
    elif declared.startswith("bool"):
        good, wanted = isinstance(value, bool), "true or false"
    elif declared.startswith("int"):
        good, wanted = _is_int(value) and value > 0, "a whole number above 0"
    elif declared.startswith("float"):
        good, wanted = isinstance(value, (int, float)) and not isinstance(value, bool), "a number"
    if not good:
        raise InputError("this value cannot be used", where=where, column=key, got=value, wanted=wanted)
    return tuple(value) if isinstance(value, list) and declared.startswith("tuple") else value


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _first_zone(raw: Mapping[str, Any]) -> str:
    sources = raw.get("source", {})
    zones = [s.get("timezone") for s in sources.values() if isinstance(s, dict)] if isinstance(sources, dict) else []
    return next((z for z in zones if isinstance(z, str)), "UTC")


def _zone(name: object, where: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(str(name)).key
    except (KeyError, ValueError, OSError) as error:
        hint = "a name of the IANA list such as 'Europe/Lisbon'"
        raise InputError("there is no such time zone", where=where, column="timezone", got=name, hint=hint) from error


def _source(name: str, body: Any, zone: str, where: str) -> SourceSpec:
    from ...features.sources.load import SYSTEMS

    fills = {"telephone": "contacts", "queue_log": "contacts", "survey": "surveys", **dict.fromkeys(SYSTEMS, "cases")}
    kind = body.get("kind", "table") if isinstance(body, dict) else "table"
    own = re.sub(r"_\d+$", "", name)
    misspelt = get_close_matches(own, TABLES, n=1, cutoff=0.8)  # [source.case] is more likely a slip than a name
    usual = own if own in TABLES or misspelt else fills.get(str(kind), own)
    if isinstance(body, dict) and "database" in body and "table" in body:  # there it names the table of the database
        body = {**body, "relation": body["table"], "table": usual}
    if isinstance(body, dict) and isinstance(body.get("path"), list):  # several files of one form
        body = {**{k: v for k, v in body.items() if k != "path"}, "files": body["path"]}
    defaults = {"table": usual, "timezone": zone}
    spec: SourceSpec = _build(SourceSpec, body, where, **defaults)
    given = [k for k in ("path", "files", "database") if getattr(spec, k)]
    if len(given) == 2 or not (given or spec.parts):
        wanted = "one of path = 'FILE', parts = { ... } and database = 'postgresql://...'"
        problem = "a source is either a path or a database" if given else "this key is needed"
        raise InputError(problem, where=where, column="path", wanted=wanted)
    for path in (spec.path, *(() if spec.database else spec.parts.values())):
        check_local_path(path or "", where, "a source is a file or a folder of this machine")
    if spec.table not in TABLES:
        hint = did_you_mean(spec.table, tuple(TABLES))
        raise InputError("there is no such canonical table", where=where, column="table", got=spec.table, hint=hint)
    _zone(spec.timezone, where)
    for column, known in spec.attributes.items():
        if known not in ATTRIBUTE_TIMINGS:
            raise InputError(
                "an attribute is known at one of three times", where=f"{where} attributes", column=column, got=known,
                wanted=", ".join(ATTRIBUTE_TIMINGS), hint=did_you_mean(known, ATTRIBUTE_TIMINGS),
            )  # fmt: skip
    return spec


def _event(body: Any, zone: str, where: str) -> EventSpec:
    """Read an event; an instant with a zone of its own is told on the desk's clock, as its days are."""
    spec: EventSpec = _build(EventSpec, body, where)
    place = f"{where.rpartition(' ')[0]} {spec.name}"
    return replace(spec, **{key: local_day(body[key], zone, place, key) for key in ("start", "end")})


def _tracking(raw: Mapping[str, Any], where: str) -> dict[str, str]:
    body = _table(raw, "tracking", where)
    _check_keys(body, ("uri", "experiment"), f"{where} [tracking]")
    names = {"uri": "tracking_uri", "experiment": "experiment"}
    return {names[k]: _typed(v, "str", f"{where} [tracking]", k) for k, v in body.items()}


def _results(raw: Mapping[str, Any], where: str) -> str:
    body = _table(raw, "results", where)
    _check_keys(body, ("path",), f"{where} [results]")
    path = str(_typed(body.get("path", "results"), "str", f"{where} [results]", "path"))
    check_local_path(path, f"{where} [results]", "results are written to a folder of this machine")
    return path
