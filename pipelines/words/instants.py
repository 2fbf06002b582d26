"""Which instant a result is of: what the data reach to, what was looked at, and when it was computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from ...features.durations import format_duration

#: A log that ended longer ago than this is told to have ended.
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
    """Write the three instants as one line, on the clock of a desk.

    >>> at = pd.Timestamp("2024-03-01T08:00Z")
    >>> format_instants(Instants(at, at + pd.Timedelta("1h"), datetime(2024, 3, 2, 6, tzinfo=UTC)), "Europe/Lisbon")
    'Data to Fri 01 Mar 2024 08:00, looked at Fri 01 Mar 2024 09:00, computed Sat 02 Mar 2024 06:00 (Europe/Lisbon).'
    """
    shown = [
        f"{pd.Timestamp(t).tz_convert(timezone):%a %d %b %Y %H:%M}"
        for t in (instants.data_until, instants.as_of, instants.made_at)
    ]
    return f"Data to {shown[0]}, looked at {shown[1]}, computed {shown[2]} ({timezone})."


def find_data_age(instants: Instants) -> pd.Timedelta:
    """Return how long before the computing a log ended."""
    return pd.Timestamp(instants.made_at) - instants.data_until


def format_data_age(instants: Instants, timezone: str = "UTC") -> str:
    """Say that a log ended long before it was looked at by today's clock; an empty text where it did not.

    >>> at = pd.Timestamp("2024-03-01T08:00Z")
    >>> format_data_age(Instants(at, at, datetime(2024, 3, 31, 8, tzinfo=UTC)))
    'The log ended 30 days ago, on Fri 01 Mar 2024 08:00 (UTC): all of this is of then, not of today.'
    >>> format_data_age(Instants(at, at, datetime(2024, 3, 2, 8, tzinfo=UTC)))
    ''
    """
    age = find_data_age(instants)
    if age <= MAX_DATA_AGE:
        return ""
    end = f"{instants.data_until.tz_convert(timezone):%a %d %b %Y %H:%M} ({timezone})"
    return f"The log ended {age.days:,} days ago, on {end}: all of this is of then, not of today."


def describe_stale_data(instants: Instants, fresh_s: float | None, timezone: str = "UTC") -> str:
    """Say that the data are older than a run allows; an empty text where they are fresh, or no limit is set.

    >>> at = pd.Timestamp("2024-03-01T08:00Z")
    >>> instants = Instants(at, at, datetime(2024, 3, 4, 8, tzinfo=UTC))
    >>> describe_stale_data(instants, 2 * 86400.0)
    'the data end on Fri 01 Mar 2024 08:00 (UTC), 3 d ago; fresh = 2 d allows no more'
    >>> describe_stale_data(instants, 4 * 86400.0), describe_stale_data(instants, None)
    ('', '')
    """
    age = find_data_age(instants).total_seconds()
    if fresh_s is None or age <= fresh_s:
        return ""
    end = f"{instants.data_until.tz_convert(timezone):%a %d %b %Y %H:%M} ({timezone})"
    return f"the data end on {end}, {format_duration(age)} ago; fresh = {format_duration(fresh_s)} allows no more"
