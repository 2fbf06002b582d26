"""The world of the simulated desk: what it sells, where, when it is open, what happens to it, and what comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[Any]

CHANNELS = ("phone", "chat", "email", "web")
PRODUCTS = ("Internet", "Mobile", "Television", "Energy")
REGIONS = ("Germany", "Netherlands", "Ireland", "Portugal")
SITES = ("central", "west")
ZONES = ("Europe/Berlin", "Europe/Lisbon")
COUNTRIES = ("DE", "PT")
CASE_TYPES = ("fault", "question", "billing", "change")
TIMEZONE = ZONES[0]
#: Site of each region.
SITE_OF_REGION = np.array([0, 0, 1, 1])
ACCOUNTS = tuple(f"A{i}" for i in range(1, 9))
ACCOUNT_SHARE = np.array([0.14, 0.16, 0.12, 0.12, 0.12, 0.12, 0.11, 0.11])

#: First and last local day (the last is not part of the span): 78 weeks from Monday to Monday.
FIRST_DAY, END_DAY = "2024-09-02", "2026-03-02"
SPAN_DAYS = 546
BEGIN = pd.Timestamp(FIRST_DAY, tz=TIMEZONE).tz_convert("UTC")
UNTIL = pd.Timestamp(END_DAY, tz=TIMEZONE).tz_convert("UTC")
END_S = int((UNTIL - BEGIN).total_seconds())

#: Mean number of repeat contacts that follow a case.
REPEAT_CONTACTS_PER_CASE = 0.10
_CHANNEL_SHARE = (0.36, 0.18, 0.28, 0.18)
_PRODUCT_SHARE = (0.36, 0.27, 0.17, 0.20)
_REGION_SHARE = (0.42, 0.20, 0.17, 0.21)
#: Monday to Sunday, by channel.
_WEEKDAY_FACTORS = (
    (1.18, 1.04, 1.0, 0.98, 0.95, 0.35, 0.0),
    (1.12, 1.04, 1.0, 1.0, 0.96, 0.40, 0.0),
    (1.15, 1.05, 1.0, 0.98, 0.90, 0.45, 0.42),
    (1.05, 1.0, 1.0, 0.98, 0.92, 0.62, 0.66),
)


@dataclass(frozen=True)
class KnownEvent:
    """Something that happened to the desk, as ``truth.json`` tells it; times are seconds since the begin."""

    kind: str
    start_s: int
    end_s: int
    segment: Mapping[str, str]
    size: float
    effect: str
    kpis: tuple[tuple[str, str], ...]
    more: Mapping[str, str] = field(default_factory=dict)

    def truth(self) -> dict[str, Any]:
        """Return the entry of ``truth.json``."""
        instants = {"start": format_instant(self.start_s), "end": format_instant(self.end_s)}
        kpis = [{"kpi": kpi, "direction": direction} for kpi, direction in self.kpis]
        return {
            "kind": self.kind,
            **instants,
            "segment": dict(self.segment),
            "size": self.size,
            "effect": self.effect,
            "kpis": kpis,
            **self.more,
        }


def format_instant(seconds: float) -> str:
    """Return seconds since the begin as an instant in UTC."""
    return (BEGIN + pd.Timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_since_begin(text: str) -> int:
    """Return a local time of the desk as seconds since the begin."""
    return int((pd.Timestamp(text, tz=TIMEZONE) - BEGIN).total_seconds())


def known_events() -> dict[str, KnownEvent]:
    """Return the four events that later work should find, by kind."""
    outage = KnownEvent(
        "outage",
        seconds_since_begin("2025-11-11 09:30"),
        seconds_since_begin("2025-11-11 16:00"),
        {"product": "Internet"},
        6.0,
        "volume of the product times size on all channels; its cases cannot be resolved until the end, and what "
        "is left is worked off over the following weeks",
        (("cases_opened", "up"), ("contacts_offered", "up"), ("service_level", "down"), ("resolution_time", "up")),
    )
    fault = KnownEvent(
        "product_fault",
        seconds_since_begin("2026-02-12 06:00"),
        END_S,
        {"product": "Mobile", "region": "Portugal"},
        2.5,
        "volume of the product in the region times size, nearly all of it faults; not over at the end of the log",
        (("cases_opened", "up"), ("backlog", "up")),
    )
    leaves = KnownEvent(
        "agent_leaves",
        seconds_since_begin("2025-08-18 00:00"),
        END_S,
        {"account": ACCOUNTS[1]},
        2.5,
        "odds of reopening and chance of a repeat contact times size, handle time times 1.3, lower csat",
        (("reopen_rate", "up"), ("repeat_contact_rate", "up"), ("handle_time", "up"), ("csat", "down")),
    )
    form = KnownEvent(
        "broken_form",
        seconds_since_begin("2025-10-06 00:00"),
        seconds_since_begin("2025-10-11 00:00"),
        {"channel": "web"},
        0.05,
        "volume of the channel times size; a quarter of what is lost comes by phone and a quarter by e-mail",
        (("cases_opened", "down"),),
    )
    return {event.kind: event for event in (outage, fault, leaves, form)}


@cache
def days_off() -> Array:
    """Return which days are public holidays, shape (sites, days)."""
    import holidays

    days = pd.date_range(FIRST_DAY, periods=SPAN_DAYS)
    years = sorted({int(y) for y in days.year})
    known = [holidays.country_holidays(country, years=years) for country in COUNTRIES]
    return np.array([[d.date() in off for d in days] for off in known])


@cache
def day_begin(site: int) -> Array:
    """Return the begin of each local day in seconds since the begin of the desk, one more than days.

    Local clock times of a day are added to it; the offset is that at noon, so on the two days of a change of
    clock only the first hours of the night are an hour off.
    """
    noon = (pd.date_range(FIRST_DAY, periods=SPAN_DAYS + 1) + pd.Timedelta(hours=12)).tz_localize(ZONES[site])
    seconds = (noon - BEGIN).total_seconds().to_numpy() - 12 * 3600
    return seconds.astype(np.int64)


def daily_rates(noise: Array | None = None) -> Array:
    """Return the expected cases of each day, shape (days, channels, products, regions), summing to 1 without noise.

    Level, trend, week, year by product, holidays, the day after one, paydays and the beginning of the month; the
    known events are not in it.
    """
    days = pd.date_range(FIRST_DAY, periods=SPAN_DAYS)
    year = 2 * np.pi * (days.day_of_year.to_numpy() - 15) / 365.25
    trend = 1 + 0.10 * np.arange(SPAN_DAYS) / 365.25
    winter = np.array([0.10, -0.10, 0.14, 0.25])
    by_product = 1 + np.cos(year)[:, None] * winter
    by_channel = np.array(_WEEKDAY_FACTORS)[:, days.day_of_week].T
    special = np.where(days.day.isin([27, 28]), 1.15, np.where(days.day <= 2, 1.10, 1.0))
    rates = (trend * special)[:, None, None, None] * by_product[:, None, :, None] * by_channel[:, :, None, None]
    rates = rates * np.array(_CHANNEL_SHARE)[:, None, None] * np.array(_PRODUCT_SHARE)[:, None]
    rates = rates * np.array(_REGION_SHARE)
    off = days_off()
    after = np.roll(off, 1, axis=1) & ~off
    on_holiday = np.array([0.0, 0.0, 0.45, 0.55])
    for region, site in enumerate(SITE_OF_REGION):
        rates[off[site], :, :, region] *= on_holiday[:, None]
        rates[after[site], :, :, region] *= 1.15
    rates /= rates.sum()
    return np.asarray(rates if noise is None else rates * noise[:, None, None, None])


def _bumps(*bumps: tuple[float, float, float]) -> Array:
    hours = (np.arange(48) + 0.5) / 2
    total = sum(w * np.exp(-0.5 * ((hours - at) / width) ** 2) for at, width, w in bumps)
    return np.asarray(total)


@cache
def intraday_profile() -> Array:
    """Return the share of a day's cases in each half hour of local time, shape (channels, 2, 48).

    The second axis is Monday to Friday, then Saturday and Sunday. Phone and chat are open from 8 to 20, on
    Saturdays from 9 to 14.
    """
    hours = np.arange(48) / 2
    week = (hours >= 8) & (hours < 20)
    saturday = (hours >= 9) & (hours < 14)
    phone = _bumps((10.2, 1.6, 1.0), (14.8, 2.2, 0.8), (18, 1.5, 0.25))
    chat = _bumps((11, 2.2, 0.8), (15.5, 2.5, 0.9), (19, 1.5, 0.5))
    email = _bumps((9.5, 2, 1), (14.5, 3, 0.9), (20.5, 2, 0.3)) + 0.02
    web = _bumps((10, 2.5, 0.7), (15, 3, 0.7), (20.5, 2, 0.8)) + 0.03
    both = [(phone * week, phone * saturday), (chat * week, chat * saturday), (email, email), (web, web)]
    shares = np.array(both)
    return np.asarray(shares / shares.sum(axis=2, keepdims=True))


#: Chance that a contact without a case comes on a weekday, as a multiple of that of the busiest: Monday to Sunday.
EXTRA_WEEKDAY_FACTORS = np.array([1.0, 0.84, 0.82, 0.82, 0.84, 0.8, 0.0])


@cache
def extra_profile() -> Array:
    """Return :func:`intraday_profile` of contacts without a case: calls come in the morning rather than later."""
    hours = np.arange(48) / 2
    calls = _bumps((9.9, 1.15, 1.0), (14.5, 2.0, 0.55), (18, 1.5, 0.15))
    both = np.array([calls * ((hours >= 8) & (hours < 20)), calls * ((hours >= 9) & (hours < 14))])
    shares = intraday_profile().copy()
    shares[0] = both / both.sum(axis=1, keepdims=True)
    return shares


@cache
def truth_factors() -> Array:
    """Return what the known events multiply the daily rates by, shape as :func:`daily_rates`."""
    factors = np.ones((SPAN_DAYS, len(CHANNELS), len(PRODUCTS), len(REGIONS)))
    for kind, event in known_events().items():
        if kind == "agent_leaves":
            continue
        for region, site in enumerate(SITE_OF_REGION):
            if event.segment.get("region", REGIONS[region]) != REGIONS[region]:
                continue
            for channel, name in enumerate(CHANNELS):
                if event.segment.get("channel", name) != name:
                    continue
                share = _share_in(event, channel, int(site))
                wanted = [p for p, product in enumerate(PRODUCTS) if event.segment.get("product", product) == product]
                factors[:, channel, wanted, region] *= (1 + (event.size - 1) * share)[:, None]
    return factors


def _share_in(event: KnownEvent, channel: int, site: int) -> Array:
    """Share of each day's cases of a channel that falls into the span of the event."""
    begins = day_begin(site)[:-1]
    weekend = (np.arange(SPAN_DAYS) % 7 >= 5).astype(int)
    slots = begins[:, None] + 1800 * np.arange(48) + 900
    inside = (slots >= event.start_s) & (slots < event.end_s)
    return np.asarray((intraday_profile()[channel][weekend] * inside).sum(axis=1))
