"""What is looked at beyond a single value: paths, days, and what the conditions of an action are about."""

from __future__ import annotations

import re
from datetime import time

from ...features.errors import InputError, did_you_mean

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/", re.IGNORECASE)
#: Where MLflow keeps runs.
TRACKING_SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "file", "http", "https", "databricks")
_TIME_OF_DAY = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")


def check_local_path(path: str, where: str, rule: str, column: str = "path") -> None:
    """Refuse an address such as ``s3://bucket/desk`` where a path is meant: it would become folders of that name.

    >>> check_local_path("C:/desk/results", "", "")
    >>> check_local_path("s3://bucket/desk", "deskcast.toml [results]", "results are written to a folder")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: deskcast.toml [results]: key 'path': results are written to a folder; got \
's3://bucket/desk', expected a path (s3 addresses are not supported: write here and copy, or mount it)
    """
    if not path.isprintable() or path.startswith("~"):
        hint = "a folder of a user is written in full" if path.startswith("~") else "without line ends and the like"
        problem, wanted = "this is not a path", "a path"
        raise InputError(
            problem, where=where, column=column, got=path, wanted=wanted, hint=hint, code="setting.invalid"
        )
    found = _ADDRESS.match(path)
    if found:
        hint = f"{found.group(1)} addresses are not supported: write here and copy, or mount it"
        raise InputError(rule, where=where, column=column, got=path, wanted="a path", hint=hint, code="setting.invalid")


def check_tracking_uri(uri: str) -> None:
    """Refuse an address at which MLflow keeps no runs.

    >>> check_tracking_uri("sqlite:///mlflow.db")
    >>> check_tracking_uri("s3://bucket/runs")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: column 'uri': runs are not recorded at such an address; got \
's3://bucket/runs', expected one of sqlite, postgresql, mysql, mssql, file, http, https, databricks, or a folder
    """
    found = _ADDRESS.match(uri)
    if found and found.group(1).lower().partition("+")[0] not in TRACKING_SCHEMES:
        wanted = f"one of {', '.join(TRACKING_SCHEMES)}, or a folder"
        problem = "runs are not recorded at such an address"
        raise InputError(problem, column="uri", got=uri, wanted=wanted, code="setting.invalid")


def local_day(given: object, zone: str, where: str, key: str) -> str:
    """Return a day as text: of a date, or of an instant on the clock of a zone.

    Raises
    ------
    InputError
        If it is neither, such as a time of day.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> local_day(datetime(2025, 11, 11, 23, 30, tzinfo=UTC), "Europe/Berlin", "", "start")
    '2025-11-12'
    """
    import pandas as pd

    wanted = "such as 2024-12-24"
    day = pd.NaT if isinstance(given, time) else pd.to_datetime(str(given), errors="coerce")
    if pd.isna(day) or _TIME_OF_DAY.fullmatch(str(given).strip()):
        raise InputError(
            "not a valid day", where=where, column=key, got=str(given), wanted=wanted, code="time.unreadable"
        )
    local = day if day.tzinfo is None else day.tz_convert(zone)
    return f"{local:%Y-%m-%d}"


#: What a condition of an action may be about.
ACTION_CONDITIONS = (
    *("reason", "risk_level", "priority", "team", "owner", "status"),
    *("channel", "product", "region", "case_type", "paused"),
)


def check_condition(key: str, values: str) -> None:
    """Refuse a condition of an action that is about nothing, or about values that do not exist.

    >>> check_condition("risk_level", "high|low")
    >>> check_condition("mood", "bad")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: column 'when': unknown condition; got 'mood' (known: reason, \
risk_level, priority and 8 more)
    """
    from ...models.candidates.feature_groups import FEATURE_GROUPS
    from ...models.worklist.ranking import RISK_LEVELS

    if key not in ACTION_CONDITIONS:
        hint = did_you_mean(key, ACTION_CONDITIONS)
        raise InputError("unknown condition", column="when", got=key, hint=hint, code="setting.invalid")
    known = {"reason": FEATURE_GROUPS, "risk_level": RISK_LEVELS, "paused": ("yes", "no")}.get(key)
    for value in split_values(values):
        if known is not None and value not in known:
            raise InputError(
                f"unknown {key}",
                column="when",
                got=value,
                hint=did_you_mean(value, known),
                code="setting.invalid",
            )


def split_values(text: str) -> list[str]:
    """Split the values of a condition at ``|``."""
    return [value.strip() for value in str(text).split("|")]
