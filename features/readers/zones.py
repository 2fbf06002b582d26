"""Which time zone fits the offsets that an export wrote."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .timestamps import parse_times

#: One well-known name for each pattern of offsets; the same pattern has many names.
COMMON_ZONES = (
    "UTC", "Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Moscow", "America/New_York", "America/Chicago",
    "America/Denver", "America/Phoenix", "America/Los_Angeles", "America/Sao_Paulo", "America/Bogota",
    "Asia/Jerusalem", "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata", "Asia/Bangkok", "Asia/Shanghai", "Asia/Tokyo",
    "Australia/Perth", "Australia/Brisbane", "Australia/Sydney", "Pacific/Auckland", "Africa/Lagos",
    "Africa/Johannesburg", "Africa/Nairobi",
)  # fmt: skip


def guess_zone(values: pd.Series[Any]) -> tuple[str, str]:
    """Return the usual zone whose clock fits the written offsets, and a sentence that says how well.

    Examples
    --------
    >>> import pandas as pd
    >>> guess_zone(pd.Series(["2024-01-05T09:00:00+01:00", "2024-07-05T09:00:00+02:00"]))[0]
    'Europe/Berlin'
    """
    if str(values.dtype).startswith("datetime64"):
        zone = str(getattr(values.dt, "tz", None) or "UTC")
        return zone, "the zone that the file's times carry"
    there = values.dropna().drop_duplicates()
    sample = there.iloc[:: max(1, len(there) // 2000)]
    instants = parse_times(sample).instants
    clock = parse_times(sample, ignore_offset=True).instants
    good = instants.notna() & clock.notna()
    written = clock[good].dt.tz_localize(None) - instants[good].dt.tz_localize(None)
    if written.empty:
        return "", "no written offset could be read"
    best_zone, best_share = "", 0.0
    for zone in COMMON_ZONES:
        local = instants[good].dt.tz_convert(zone).dt.tz_localize(None)
        share = float(((local - instants[good].dt.tz_localize(None)) == written).mean())
        if share > best_share:
            best_zone, best_share = zone, share
    if best_share < 0.95:
        seen = ", ".join(f"{w.total_seconds() / 3600:+g} h" for w in written.value_counts().index[:3])
        return "", f"the written offsets ({seen}) fit no usual zone"
    return best_zone, f"the written offsets fit the clock of this zone ({best_share:.0%} of them)"
