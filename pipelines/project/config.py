"""The configuration: one TOML file, read into frozen models; an unknown key is an error with a suggestion."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, time
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from ...extend.load import load_plugins
from ...features.case_log.schema import TABLES
from ...features.durations import parse_duration
from ...features.errors import InputError, did_you_mean
from ...features.renamed import new_keys, new_name
from ...features.sources.spec import SourceSpec
from .checks import local_day
from .engine_specs import EngineSpec
from .goal_specs import AdviceSpec, GoalSpec
from .night_specs import AlarmSpec, MailSpec, ResultsSpec, RunSpec
from .page_specs import PageSpec, ServeSpec, UserSpec
from .people_specs import ChangeSpec, DenominatorsSpec, PeopleSpec
from .record_specs import ModelSpec, PluginsSpec, StateSpec, TrackingSpec
from .references import check_references
from .specs import (
    ActionSpec,
    AgentsSpec,
    CalendarSpec,
    Config,
    EventSpec,
    ForecastSpec,
    HistorySpec,
    RiskSpec,
    ShiftSpec,
    SlaSpec,
    SourceSection,
    StaffingSpec,
    WatchSpec,
)

T = TypeVar("T")

#: Name of the file that every command looks for.
CONFIG_FILE = "deskcast.toml"

#: Sections that stand once, by name and as a list, each with its model; and the field of a name in Config.
_ONCE: dict[str, type[Any]] = {
    "history": HistorySpec,
    "forecast": ForecastSpec,
    "risk": RiskSpec,
    "watch": WatchSpec,
    "run": RunSpec,
    "model": ModelSpec,
    "state": StateSpec,
    "people": PeopleSpec,
    "mail": MailSpec,
    "page": PageSpec,
    "serve": ServeSpec,
    "engine": EngineSpec,
}
_BY_NAME: dict[str, type[Any]] = {
    "calendar": CalendarSpec,
    "staffing": StaffingSpec,
    "shifts": ShiftSpec,
    "agents": AgentsSpec,
}
_LISTS: dict[str, type[Any]] = {
    "sla": SlaSpec,
    "event": EventSpec,
    "action": ActionSpec,
    "goal": GoalSpec,
    "alarm": AlarmSpec,
    "user": UserSpec,
    "change": ChangeSpec,
    "advice": AdviceSpec,
}
_PLURALS = {
    "calendar": "calendars",
    "sla": "slas",
    "event": "events",
    "action": "actions",
    "goal": "goals",
    "alarm": "alarms",
    "user": "users",
    "change": "changes",
    "advice": "advice",
}
_OTHERS = ("timezone", "source", "plugins", "tracking", "results", "denominators")
#: What is wanted of a value of each kind.
_WANTED = (
    ("tuple[int", "a list of whole numbers"),
    ("tuple", "a list of texts"),
    ("float|Mapping", "a number, or a table of numbers such as { leave = 0.15, breaks = 0.1 }"),
    ("Mapping[str,Any", 'a table such as { mon-fri = ["09:00-17:00"] }'),
    ("Mapping[str,Mapping", 'a table of tables such as { reply = { high = "call the customer" } }'),
    ("Mapping", "a table of texts"),
    ("str|list", 'a country such as "PT", or a list of dates'),
    ("str", "text"),
    ("bool", "true or false"),
    ("int", "a whole number above 0"),
    ("float", "a number"),
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
        raise InputError("missing configuration file", where=str(path), hint=hint, code="file.missing") from error
    except UnicodeDecodeError as error:
        raise InputError(
            "the configuration cannot be read: it is not UTF-8",
            where=str(path),
            hint="save it as UTF-8",
            code="toml.invalid",
        ) from error
    except OSError as error:
        raise InputError(f"the configuration cannot be read: {error}", where=str(path), code="toml.invalid") from error
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise InputError(f"not valid TOML: {reason}", where=str(path), code="toml.invalid") from None
    return parse_config(raw, folder=file.resolve().parent, where=file.name)


def parse_config(raw: Mapping[str, Any], *, folder: Path, where: str = CONFIG_FILE) -> Config:
    """Turn parsed TOML into a :class:`Config`.

    >>> raw = {"source": {"cases": {"path": "cases.csv"}}, "timezone": "Europe/Lisbon"}
    >>> parse_config(raw, folder=Path(".")).sources[0].timezone
    'Europe/Lisbon'
    >>> parse_config({"sources": {}}, folder=Path("."))
    Traceback (most recent call last):
    deskcast.features.errors.InputError: deskcast.toml: key 'sources': unknown key (did you mean 'source'?)
    """
    _check_keys(raw, (*_ONCE, *_BY_NAME, *_LISTS, *_OTHERS), where)
    plugins = read_section(PluginsSpec, _table(raw, "plugins", where), f"{where} [plugins]")
    load_plugins(plugins.modules, folder, f"{where} [plugins]")  # before names of theirs are looked at
    zone = read_section(CalendarSpec, {"timezone": raw.get("timezone", _first_zone(raw))}, where).timezone
    sources = tuple(
        _source(name, body, zone, f"{where} [source.{name}]") for name, body in _table(raw, "source", where).items()
    )
    if "denominators" in raw:  # a source of its own kind, under a name of its own
        months = read_section(DenominatorsSpec, _table(raw, "denominators", where), f"{where} [denominators]")
        spec = SourceSpec("denominators", months.path, "months", zone, dict(months.columns))
        sources = (*sources, spec)
    if not sources:
        raise InputError(
            "no source is configured", where=where, hint="add a [source.cases] section", code="source.unknown"
        )
    found: dict[str, Any] = {}
    for key, kind in _ONCE.items():
        found[key] = read_section(kind, _table(raw, key, where), f"{where} [{key}]")
    for key, kind in _BY_NAME.items():
        zoned = {"timezone": zone} if kind is CalendarSpec else {}
        found[_PLURALS.get(key, key)] = {
            name: read_section(kind, body, f"{where} [{key}.{name}]", **zoned)
            for name, body in _table(raw, key, where).items()
        }
    for key, kind in _LISTS.items():
        found[_PLURALS[key]] = tuple(
            read_section(kind, _in_local_days(body, zone, place) if key == "event" else body, place)
            for number, body in enumerate(_list(raw, key, where), 1)
            for place in [f"{where} [[{key}]] {body.get('name', number)}"]
        )
    tracking = read_section(TrackingSpec, _table(raw, "tracking", where), f"{where} [tracking]")
    results = read_section(ResultsSpec, _table(raw, "results", where), f"{where} [results]")
    config = Config(
        folder=folder,
        sources=sources,
        timezone=zone,
        **found,
        plugins=plugins,
        tracking_uri=tracking.uri,
        experiment=tracking.experiment,
        tracking_keep_s=tracking.keep_s,
        results=results.path,
        results_copy=results,
    )
    check_references(config, where)
    return config


def _table(raw: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    found = raw.get(key, {})
    if not isinstance(found, dict):
        raise InputError(
            "value must be a section", where=where, column=key, got=found, wanted=f"[{key}]", code="setting.invalid"
        )
    return found


def _list(raw: Mapping[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    found = raw.get(key, [])
    if not isinstance(found, list) or any(not isinstance(item, dict) for item in found):
        raise InputError(
            "value must be a list of sections", where=where, column=key, wanted=f"[[{key}]]", code="setting.invalid"
        )
    return found


def _check_keys(raw: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in raw:
        if key not in known:
            raise InputError(
                "unknown key", where=where, column=key, hint=did_you_mean(key, known), code="setting.unknown"
            )


def read_section(kind: type[T], body: Any, where: str, **defaults: Any) -> T:
    """Fill a section from TOML: old keys renamed, durations in seconds, lists as tuples, then checked.

    A field that ends with ``_s`` is written without it and as a duration.

    >>> read_section(StaffingSpec, {"within": "30s", "patience": "2min"}, "deskcast.toml [staffing.phone]").within_s
    30.0
    """
    if not isinstance(body, dict):
        raise InputError("value must be a section", where=where, got=body, code="setting.invalid")
    body = _in_new_names(body, where)
    declared = _annotations(kind)
    names = {key_of(name): name for name in declared}
    _check_keys(body, tuple(names), where)
    values = {
        names[key]: _in_python(value, declared[names[key]])
        if not names[key].endswith("_s")
        else parse_duration(value, where=where, column=key)
        for key, value in body.items()
    }
    return _validated(kind, defaults | values, where)


#: Options that have another name than their key.
OPTION_NAMES = {"kpis": "--kpi"}


def change_section(section: T, where: str, **values: Any) -> T:
    """Return a section with other values, as options give them, checked as those of the file are.

    >>> change_section(HistorySpec(), "the history", freq="W").freq
    'W'
    >>> change_section(HistorySpec(), "the history", freq="ME")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: option '--freq': not a valid frequency; got 'ME' (did you mean 'MS'?)
    """
    kept = {name: getattr(section, name) for name in _annotations(type(section))}
    try:
        return _validated(type(section), kept | values, where)
    except InputError as error:
        if error.column not in values:
            raise
        option = OPTION_NAMES.get(str(error.column), f"--{error.column}")
        raise InputError(
            error.problem, where=option, got=error.got, wanted=error.wanted, hint=error.hint, code=error.code
        ) from None


def _validated(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    try:
        return kind(**values)
    except ValidationError as error:
        raise _in_one_line(error, kind, values, where) from None  # pydantic shows values, passwords too


def _in_one_line(error: ValidationError, kind: type[Any], values: Mapping[str, Any], where: str) -> InputError:
    """Translate the first thing that pydantic found into the one line that its owner can act on."""
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    own, key = first.get("ctx", {}).get("error"), key_of(field)
    if isinstance(own, InputError):
        column, code = own.column or key, own.code or "setting.invalid"
        return InputError(
            own.problem, where=where, column=column, got=own.got, wanted=own.wanted, hint=own.hint, code=code
        )
    if first["type"].startswith("missing"):
        return InputError("missing key", where=where, column=key, code="setting.missing")
    if first["type"] == "literal_error":  # an attribute of a source
        known = re.findall(r"'(\w+)'", first["ctx"]["expected"])
        wanted, hint = ", ".join(known), did_you_mean(str(first["input"]), known)
        place, column = f"{where} {key}", str(first["loc"][-1])
        return InputError(
            "not a valid value",
            where=place,
            column=column,
            got=first["input"],
            wanted=wanted,
            hint=hint,
            code="setting.invalid",
        )
    shape = "|".join(_shape(part) for part in _members(_annotations(kind)[field]))
    wanted = next((words for start, words in _WANTED if shape.startswith(start)), "another value")
    got = list(values[field]) if isinstance(values[field], tuple) else values[field]
    return InputError("not a valid value", where=where, column=key, got=got, wanted=wanted, code="setting.invalid")


def key_of(name: str) -> str:
    """Return the key of a field: durations end with ``_s`` in Python, and a word of the language with ``_``.

    >>> key_of("within_s"), key_of("for_"), key_of("aht")
    ('within', 'for', 'aht')
    """
    return name.removesuffix("_s").rstrip("_")


def _annotations(kind: type[Any]) -> dict[str, Any]:
    """Return the fields of a section with what they hold."""
    return {name: info.annotation for name, info in kind.__pydantic_fields__.items()}


def _members(annotation: Any) -> list[Any]:
    """Return the kinds that an annotation allows, without ``None`` and without what checks them."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for part in get_args(annotation) for kind in _members(part)]
    return [] if annotation is type(None) else [annotation]


def _shape(kind: Any) -> str:
    """Return a kind as text, such as ``Mapping[str,str]``."""
    inner = ",".join(_shape(part) for part in get_args(kind) if part is not ...)
    name = (get_origin(kind) or kind).__name__
    return f"{name}[{inner}]" if inner else name


def _in_python(value: Any, annotation: Any) -> Any:
    """Turn a TOML value into what a field holds: lists into tuples, numbers and days into text where text is meant."""
    kinds = [get_origin(kind) or kind for kind in _members(annotation)]
    if tuple in kinds:
        return tuple(value) if isinstance(value, list) else (value,) if _is_plain(value) else value
    if list in kinds and isinstance(value, list):
        return [str(one) for one in value]
    return str(value) if str in kinds and _is_plain(value) else value


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float, date, time)) and not isinstance(value, bool)


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


def _first_zone(raw: Mapping[str, Any]) -> str:
    sources = raw.get("source", {})
    zones = [s.get("timezone") for s in sources.values() if isinstance(s, dict)] if isinstance(sources, dict) else []
    return next((z for z in zones if isinstance(z, str)), "UTC")


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
    section = read_section(SourceSection, body, where, **defaults)
    return SourceSpec(**{f.name: getattr(section, f.name) for f in fields(SourceSpec)})  # readers change it as they go


def _in_local_days(body: dict[str, Any], zone: str, where: str) -> dict[str, Any]:
    """Return an instant with a zone of its own on the desk's clock, as its days are."""
    return body | {key: local_day(body[key], zone, where, key) for key in ("start", "end") if key in body}
