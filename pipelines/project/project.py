"""From a configuration to a case log: all sources read, put together, and bound to their calendars and promises."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...extend.load import load_plugins
from ...features.calendars.instants import parse_instant
from ...features.case_log.log import CaseLog
from ...features.case_log.log_end import describe_stray_times, find_end_of_frames, find_end_of_slots
from ...features.case_log.schema import AttributeTiming
from ...features.errors import InputError
from ...features.kpis.denominator_kpis import check_denominators
from ...features.readers.many_files import expand_path
from ...features.sources.columns import REJECTED_COLUMNS
from ...features.sources.load import load_source
from ...features.sources.spec import LoadedSource
from .bound_log import bind_in_place, describe_strays_in_place, digest_in_place, find_whole_day_end, place_sources
from .config import CONFIG_FILE, load_config
from .duplicates import merge_sources
from .specs import Config


@dataclass(frozen=True)
class Project:
    """A configuration with the log that it describes.

    Attributes
    ----------
    config, log
        The settings, and the canonical tables bound to an engine.
    refused
        Rows that could not be used: source, table, row, column, value, reason.
    notes
        What was recognised or decided while reading, in plain sentences.
    fingerprint
        A hash of the settings that matter, of the bytes of the data and of the instant that was asked for: the same
        inputs, the same fingerprint.
    asked_at
        The instant that was asked for; none where the log is read to its end.
    is_look_back
        Whether its results go to a folder of their own, and nothing of it is remembered.
    whole
        The log that a look back was cut from: what is once derived from it tells the past of every cut.
    """

    config: Config
    log: CaseLog
    rejected: pd.DataFrame
    notes: tuple[str, ...]
    fingerprint: str
    asked_at: pd.Timestamp | None = None
    is_look_back: bool = False
    whole: CaseLog | None = None

    @property
    def data_until(self) -> pd.Timestamp:
        """Instant to which the data reach."""
        return self.log.until

    @property
    def as_of(self) -> pd.Timestamp:
        """Instant that is looked at: the one that was asked for, else the end of the data."""
        return self.log.until if self.asked_at is None else self.asked_at

    @property
    def results_folder(self) -> Path:
        """Folder of the results: that of the configuration, or one of its own for a look back."""
        newest = self.config.results_folder
        if not self.is_look_back:
            return newest
        return newest.with_name(f"{newest.name}-as-of") / f"{self.as_of:%Y-%m-%dT%H%M%SZ}"


def open_log(path: str | Path | Config = CONFIG_FILE) -> CaseLog:
    """Return the case log that a ``deskcast.toml`` describes.

    Parameters
    ----------
    path
        The file, or a configuration that was loaded.

    Raises
    ------
    InputError
        If the configuration or a source cannot be used.
    """
    return open_project(path).log


def open_project(path: str | Path | Config = CONFIG_FILE, progress: Callable[[str], None] | None = None) -> Project:
    """Read all sources of a ``deskcast.toml`` and bind them to their calendars and promises.

    Parameters
    ----------
    path
        The file, or a configuration that was loaded.
    progress
        Called with a sentence before each step.

    Raises
    ------
    InputError
        If the configuration or a source cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "cases.csv").write_text("case_id,created_at\\n1,2024-03-01 09:00\\n2,2024-03-02 10:00\\n")
    >>> _ = (folder / "deskcast.toml").write_text('timezone = "Europe/Lisbon"\\n[source.cases]\\npath = "cases.csv"\\n')
    >>> project = open_project(folder / "deskcast.toml")
    >>> len(project.log.frame("cases")), len(project.rejected), str(project.log.until)
    (2, 0, '2024-03-02 10:00:00+00:00')
    """
    config = path if isinstance(path, Config) else load_config(path)
    say = progress or _silent
    placed = place_sources(config)
    loaded: list[tuple[str, LoadedSource]] = []
    for spec in config.sources:
        say(f"reading {spec.place}")
        if spec not in placed.specs:
            loaded.append((spec.place, load_source(spec, config.folder)))
    frames, again, notes = merge_sources([part for _, part in loaded])
    policies = policy_frame(config)
    if policies is not None:
        frames["sla_policies"] = pd.concat([frames[k] for k in ("sla_policies",) if k in frames] + [policies])
    say("binding the tables")
    attributes: dict[str, AttributeTiming] = {c: k for _, part in loaded for c, k in part.attributes.items()}
    attributes |= placed.attributes
    ends = [part.until for _, part in loaded] + placed.cuts
    cuts = [end for end in ends if end is not None]
    until = min(cuts) if cuts else day_end(frames, config.timezone)
    if placed.connection is None:
        log = CaseLog.from_frames(
            until=until, timezone=config.timezone, attributes=attributes, calendars=_calendars(config), **frames
        )
    else:
        until = until if placed.cuts == [] or cuts else find_whole_day_end(placed, tuple(frames), config.timezone)
        log = bind_in_place(config, placed, frames, until, attributes, _calendars(config))
    check_denominators(log)
    if cuts and any(end != until for end in ends):
        log = log.as_of(until)
    refused = [part.rejected.assign(source=name) for name, part in loaded]
    refused += [*placed.rejected, again.assign(source="several sources")]
    every = pd.concat(refused, ignore_index=True)
    every = every[[c for c in ("source", "file", *REJECTED_COLUMNS) if c in every]]
    say("taking the fingerprint")
    if placed.tables:
        strays = describe_strays_in_place(placed, frames, None if cuts else log.until)
    else:
        strays = describe_stray_times(frames, ends=not cuts)
    said = [n for _, part in loaded for n in part.notes] + placed.notes + notes + strays
    read = [spec for spec in config.sources if spec not in placed.specs]
    rows = [part for spec, (_, part) in zip(read, loaded, strict=True) if spec.database]
    mark = fingerprint(config, rows, digest_in_place(placed))
    return Project(config, log, every, tuple(dict.fromkeys(said)), mark)


def view_as_of(project: Project, at: str) -> Project:
    """Return the project with its log as it stood at an instant; a note tells where the log ends before that.

    It is a look back: what is made of it goes to a folder of its own, and has a fingerprint of its own.

    Raises
    ------
    InputError
        If it is not a valid instant, or nothing was known by then.
    """
    given, asked = project.log, parse_instant(at, project.log.timezone)
    log = given.as_of(asked)
    there = [t for t in ("cases", "events", "contacts", "volumes") if t in log.tables]
    if not any(int(log.table(t).limit(1).count().execute()) for t in there):
        raise InputError(
            "instant is before the log", column="as_of", got=at, wanted="an instant within the log", code="time.order"
        )
    mark = hashlib.sha256(f"{project.fingerprint} as of {asked.isoformat()}".encode()).hexdigest()[:16]
    whole = project.whole or given
    project = replace(project, log=log, whole=whole, fingerprint=mark, asked_at=asked, is_look_back=True)
    if asked <= given.until:
        return project
    end = f"{given.until.tz_convert(given.timezone):%d %b %Y %H:%M} ({given.timezone})"
    return replace(project, notes=(*project.notes, f"the log ends at {end}, before {at}; it is read whole"))


def _silent(_: str) -> None:
    """Do nothing."""


def policy_frame(config: Config) -> pd.DataFrame | None:
    """Return the promises of a configuration as rows of ``sla_policies``, or ``None`` where there are none."""
    if not config.slas:
        return None
    rows: list[Mapping[str, Any]] = []
    for number, sla in enumerate(config.slas, 1):
        try:
            if re.fullmatch(r"\d{1,2}:[\d:.]+", sla.valid_from or ""):  # pandas would take a time of day for today's
                raise ValueError(sla.valid_from)
            start = pd.NaT if sla.valid_from is None else pd.Timestamp(sla.valid_from)
        except ValueError as error:
            raise InputError(
                "not a valid date", where=f"[[sla]] {number}", column="valid_from", got=sla.valid_from,
                wanted="such as 2024-03-01",
                code="time.unreadable",
            ) from error  # fmt: skip
        if not pd.isna(start) and start.tzinfo is None:
            start = start.tz_localize(config.timezone, ambiguous=True, nonexistent="shift_forward")
        target = float("nan") if sla.target_s is None else sla.target_s
        row = {"policy": sla.policy, "metric": sla.metric, "priority": sla.priority, "target_s": target}
        row |= {"clock": sla.clock, "calendar": sla.calendar, "pause_on": ",".join(sla.pause_on) or None}
        row |= {"when": "; ".join(f"{c} = {v}" for c, v in sla.when.items()) or None, "preset": sla.preset}
        row |= {name: getattr(sla, name) for name in ("match", "on_change", "cycles", "versions", "starts")}
        rows.append(row | {"valid_from": start if pd.isna(start) else start.tz_convert("UTC")})
    frame = pd.DataFrame(rows)
    frame["valid_from"] = pd.to_datetime(frame["valid_from"], utc=True).dt.as_unit("us")
    return frame


def _calendars(config: Config) -> dict[str, Any]:
    if not config.calendars:
        return {}
    from ...features.calendars.business_calendar import BusinessCalendar

    return {
        name: BusinessCalendar.from_hours(spec.timezone, spec.open, spec.holidays)
        for name, spec in config.calendars.items()
    }


def day_end(frames: Mapping[str, pd.DataFrame], timezone: str) -> pd.Timestamp | None:
    """Return the end of the last day where it is whole: every time is a date, or its last slot is the usual one."""
    if "volumes" in frames and not set(frames) - {"volumes", "sla_policies"}:
        return _last_slot_day_end(frames["volumes"], timezone)
    columns = [frames[t][c].dropna() for t, c in (("cases", "created_at"), ("events", "at")) if t in frames]
    if not columns or set(frames) - {"cases", "events", "sla_policies", "due_times"} or any(c.empty for c in columns):
        return None
    for column in columns:
        local = column.drop_duplicates().dt.tz_convert(timezone)
        if bool((local != local.dt.normalize()).any()):
            return None
    ends = find_end_of_frames(frames)
    last = max(c.max() for c in columns) if ends is None else ends[0]
    last = last.tz_convert(timezone)
    return pd.Timestamp(last.normalize() + pd.DateOffset(days=1)).tz_convert("UTC")


def _last_slot_day_end(volumes: pd.DataFrame, timezone: str) -> pd.Timestamp | None:
    """Return the midnight after the last slot where days usually end no later: a closed evening has no rows."""
    if volumes.empty or volumes["slot_s"].max() >= 86400:
        return None
    regular, _ = find_end_of_slots(volumes)
    volumes = volumes[volumes["ds"] < regular]
    local = volumes["ds"].drop_duplicates().dt.tz_convert(timezone).dt.tz_localize(None)
    last = (local - local.dt.normalize()).groupby(local.dt.normalize()).max()
    if len(last) < 3 or last.iloc[-1] < last.iloc[:-1].median():
        return None
    midnight = local.max().normalize() + pd.Timedelta(days=1)
    end = midnight.tz_localize(timezone, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")
    return pd.Timestamp(max(end, regular))


#: Fields of the configuration that change no result: places, addresses and who is told.
NO_INPUTS = (
    *("folder", "tracking_uri", "experiment", "tracking_keep_s", "results", "plugins", "state", "model"),
    *("alarms", "mail", "page", "results_copy", "engine"),
)


def fingerprint(config: Config, rows: Sequence[LoadedSource] = (), told: Sequence[str] = ()) -> str:
    """Return a hash of the settings that matter, of the bytes of every file, and of what databases gave."""
    settings = asdict(config)
    for key in NO_INPUTS:
        settings.pop(key)
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for place in load_plugins(config.plugins.modules, config.folder):
        digest.update(Path(place).read_bytes())
    for spec in config.sources:
        for path in spec.list_paths():
            for file in expand_path(config.folder / path):
                with file.open("rb") as stream:
                    while block := stream.read(1 << 20):
                        digest.update(block)
    for part in rows:
        for name, frame in sorted(part.tables.items()):
            digest.update(name.encode() + pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    for text in told:
        digest.update(text.encode())
    return digest.hexdigest()[:16]
