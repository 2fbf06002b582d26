"""What the value of a key may be: bounds, choices and names, each with what is said of anything else."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict

from ...features.errors import InputError, did_you_mean

#: Sections are frozen, and an unknown key or a value of another kind is an error.
SECTION = ConfigDict(extra="forbid", strict=True)
#: Ceilings, far above what a desk can use: beyond them a slip of the hand asks for years of work.
MAX_HORIZON, MAX_DAYS, MAX_COUNT, MAX_LEVELS = 100_000, 36_600, 1_000_000, 20
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")


def checked(problem: str, wanted: str | None, holds: Callable[[Any], bool], unit: str = "") -> AfterValidator:
    """Refuse values that do not hold; ``None`` is no value, and of a table each value is looked at."""

    def check(value: Any) -> Any:
        for part, one in value.items() if isinstance(value, Mapping) else [(None, value)]:
            if one is not None and not holds(one):
                got = f"{one:g}{unit}" if unit else one
                raise InputError(problem, column=part, got=got, wanted=wanted, code="setting.invalid")
        return value

    return AfterValidator(check)


def whole(highest: int) -> AfterValidator:
    """Refuse whole numbers that are not above 0, or beyond a ceiling."""
    wanted = f"a whole number above 0 and up to {highest:,}"
    return checked("not a valid value", wanted, lambda value: 0 < value <= highest)


def one_of(problem: str, known: Callable[[], Sequence[str]]) -> AfterValidator:
    """Refuse what is not known, with the nearest known name."""

    def check(value: Any) -> Any:
        for one in value if isinstance(value, tuple) else (value,):
            if one and one not in known():
                raise InputError(problem, got=one, hint=did_you_mean(one, tuple(known())), code="setting.invalid")
        return value

    return AfterValidator(check)


def _check_kpi(value: Any) -> Any:
    """Refuse KPIs that are not in the catalogue, a user's own included."""
    from ...features.kpis.availability import KPI_CATALOGUE
    from ...features.kpis.catalogue import find_kpi

    for name in value if isinstance(value, tuple) else (value,):
        if name and find_kpi(name) is None:
            raise InputError("unknown KPI", got=name, hint=did_you_mean(name, list(KPI_CATALOGUE)), code="kpi.unknown")
    return value


def _check_frequency(value: str) -> str:
    from ...features.calendars.periods import parse_period_frequency

    try:
        parse_period_frequency(value)
    except InputError as error:
        raise InputError(error.problem, got=value, hint=error.hint, code=error.code) from error
    return value


def _check_models(value: tuple[str, ...]) -> tuple[str, ...]:
    if value != ("auto",):
        from ...forecasting.methods.registry import check_models

        check_models(value[0] if len(value) == 1 else value)
    return value


def split_models(text: str) -> tuple[str, ...]:
    """Return the methods of a choice such as ``core,ets``.

    >>> split_models("core, ets")
    ('core', 'ets')
    """
    return tuple(name.strip() for name in text.split(","))


def _check_choices(value: tuple[str, ...]) -> tuple[str, ...]:
    for choice in value:
        if choice != "core":  # that of the default: the methods need not be imported for it
            _check_models(split_models(choice))
    return value


def _check_zone(value: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(value).key
    except (KeyError, ValueError, OSError) as error:
        hint = "a name of the IANA list such as 'Europe/Lisbon'"
        raise InputError("unknown time zone", got=value, hint=hint, code="time.zone") from error


def _fits_a_day(seconds: float) -> bool:
    return seconds >= 60 and seconds % 60 == 0 and 86400 % seconds == 0


Line = Annotated[str, checked("this must be text in one line", None, lambda x: bool(x.strip()) and x.isprintable())]
Finite = Annotated[float, checked("the number is out of range", "a number", math.isfinite)]
Count = Annotated[int, whole(MAX_COUNT)]
Days = Annotated[int, whole(MAX_DAYS)]
Horizon = Annotated[int, whole(MAX_HORIZON)]
AboveZero = Annotated[float, checked("the number is out of range", "a number above 0", lambda x: 0 < x < math.inf)]
FromZero = Annotated[float, checked("the number is out of range", "a number from 0", lambda x: 0 <= x < math.inf)]
FromOne = Annotated[float, checked("the number is out of range", "a number from 1", lambda x: 1 <= x < math.inf)]
Probability = Annotated[float, checked("this must be a share", "0 to 1", lambda x: 0 <= x <= 1)]
Share = Annotated[float, checked("this must be a share", "0 to below 1", lambda x: 0 <= x < 1)]
Occupancy = Annotated[float, checked("this must be a share", "above 0 and up to 1", lambda x: 0 < x <= 1)]
Shares = Annotated[float | Mapping[str, float], checked("this must be a share", "0 to below 1", lambda x: 0 <= x < 1)]
Costs = Annotated[float | Mapping[str, float], checked("a cost is not below 0", None, lambda x: 0 <= x < math.inf)]
SomeTime = Annotated[float, checked("the time is out of range", "a duration above 0", lambda x: x > 0, " s")]
Work = Annotated[float, checked("effort must be above 0", "above 0", lambda x: x > 0, " s")]
Interval = Annotated[
    float,
    checked(
        "not an interval to plan by",
        "minutes that fit a day a whole number of times, such as '15min', '30min' or '1h'",
        _fits_a_day,
        " s",
    ),
]
Clock = Annotated[str, checked("not a valid time", "a time such as '08:00'", lambda x: bool(_CLOCK.fullmatch(x)))]
Levels = Annotated[
    tuple[int, ...],
    checked("too many levels", f"at most {MAX_LEVELS}", lambda x: len(x) <= MAX_LEVELS),
    checked("at least one level is needed", "such as [80, 95]", bool),
    AfterValidator(lambda value: tuple(_level(one) for one in value)),
]
KpiName = Annotated[str, AfterValidator(_check_kpi)]
KpiNames = Annotated[tuple[str, ...], AfterValidator(_check_kpi)]
Frequency = Annotated[str, AfterValidator(_check_frequency)]
ModelNames = Annotated[tuple[str, ...], AfterValidator(_check_models)]
ModelChoices = Annotated[tuple[str, ...], AfterValidator(_check_choices)]
Zone = Annotated[str, AfterValidator(_check_zone)]


def _level(level: int) -> int:
    if not 0 < level < 100:
        raise InputError("unknown level", got=level, wanted="percent such as 80 or 95", code="setting.invalid")
    return level
