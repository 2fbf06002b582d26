"""Which instant a result is of: what the data reach to, what was looked at, and when it was computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from ...features.durations import format_duration
from .words import format_instant

#: Data older than this are reported to be old.
MAX_DATA_AGE = pd.Timedelta(days=2)


@dataclass(frozen=True)
class Instants:
    """The three instants of a result.

    Attributes
    ----------
    data_until
        Nothing later is in the data.
    as_of
        Instant that was looked at: the end of the data, or what ``--as-of`` or ``--night`` named.
    made_at
        When it was computed.
    """

    data_until: pd.Timestamp
    as_of: pd.Timestamp
    made_at: datetime

    @classmethod
    def now(cls, data_until: pd.Timestamp, as_of: pd.Timestamp) -> Instants:
        """Return the instants of a result that is computed now, to the second."""
        return cls(data_until, as_of, datetime.now(UTC).replace(microsecond=0))

    def record(self) -> dict[str, str]:
        """Return them as JSON, tables and MLflow hold them.

        >>> at = pd.Timestamp("2024-03-01T08:00Z")
        >>> Instants(at, at, datetime(2024, 3, 1, 9, tzinfo=UTC)).record()["made_at"]
        '2024-03-01T09:00:00+00:00'
        """
        return {
            "as_of": self.as_of.isoformat(),
            "data_until": self.data_until.isoformat(),
            "made_at": self.made_at.isoformat(),
        }


#: Names of the three, in every record.
INSTANT_KEYS = ("as_of", "data_until", "made_at")


def format_instants(instants: Instants, timezone: str = "UTC") -> str:
    """Write the three instants as one line, on the clock of a desk; the second where it is not the first.

    >>> at = pd.Timestamp("2024-03-01T08:00Z")
    >>> format_instants(Instants(at, at + pd.Timedelta("1h"), datetime(2024, 3, 2, 6, tzinfo=UTC)), "Europe/Lisbon")
    'Data until Fri 1 Mar 2024 08:00, as of Fri 1 Mar 2024 09:00, computed Sat 2 Mar 2024 06:00 (Europe/Lisbon).'
    """
    until, as_of, made_at = (
        format_instant(pd.Timestamp(t).tz_convert(timezone))
        for t in (instants.data_until, instants.as_of, instants.made_at)
    )
    seen = f", as of {as_of}" if as_of != until else ""
    return f"Data until {until}{seen}, computed {made_at} ({timezone})."


def find_data_age(instants: Instants) -> pd.Timedelta:
    """Return how long before the computing a log ended."""
    return pd.Timestamp(instants.made_at) - instants.data_until


def format_data_age(instants: Instants, timezone: str = "UTC") -> str:
    """Report that the data ended long before they were used; an empty text where they did not.

    >>> at = pd.Timestamp("2024-03-01T08:00Z")
    >>> format_data_age(Instants(at, at, datetime(2024, 3, 31, 8, tzinfo=UTC)))
    'The data are 30 days old: they end on Fri 1 Mar 2024 08:00 (UTC).'
    >>> format_data_age(Instants(at, at, datetime(2024, 3, 2, 8, tzinfo=UTC)))
    ''
    """
    age = find_data_age(instants)
    if age <= MAX_DATA_AGE:
        return ""
    end = f"{format_instant(instants.data_until.tz_convert(timezone))} ({timezone})"
    return f"The data are {age.days:,} days old: they end on {end}."


def describe_stale_data(instants: Instants, fresh_s: float | None, timezone: str = "UTC") -> str:
    """Report that the data are older than a run allows; an empty text where they are fresh, or no limit is set.

    >>> at = pd.Timestamp("2024-03-01T08:00Z")
    >>> instants = Instants(at, at, datetime(2024, 3, 4, 8, tzinfo=UTC))
    >>> describe_stale_data(instants, 2 * 86400.0)
    'the data end on Fri 1 Mar 2024 08:00 (UTC), 3 d ago; fresh = 2 d allows no more'
    >>> describe_stale_data(instants, 4 * 86400.0), describe_stale_data(instants, None)
    ('', '')
    """
    age = find_data_age(instants).total_seconds()
    if fresh_s is None or age <= fresh_s:
        return ""
    end = f"{format_instant(instants.data_until.tz_convert(timezone))} ({timezone})"
    return f"the data end on {end}, {format_duration(age)} ago; fresh = {format_duration(fresh_s)} allows no more"
