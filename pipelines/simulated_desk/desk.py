"""The simulated desk: a made-up service desk of eighteen months whose waiting times come from its queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...features.errors import InputError
from .agent_time import agent_time_frame, costs_frame, schedules_frame
from .arrivals import Cases, draw_cases
from .articles import article_truth, articles_of_contacts, draw_views, searches_frame, views_frame, weaken_article
from .columns import format_ids
from .config import ADVICE_ON_LEAVER, MOVED_GOAL, format_desk_config
from .contacts import Contacts, describe_phone, resolved_on_contact, run_contacts
from .events import build_events, events_frame, final_resolution
from .hand_backs import way_truth
from .staff import describe_habits
from .tables import (
    cases_frame,
    contacts_frame,
    policies_frame,
    repairs_frame,
    score_experience,
    surveys_frame,
    tasks_frame,
)
from .work import LEAVER, draw_bot_resolutions, draw_touches, run_touches
from .world import (
    CHANNELS,
    END_S,
    FIRST_DAY,
    PRODUCTS,
    REGIONS,
    SPAN_DAYS,
    TIMEZONE,
    daily_rates,
    format_instant,
    known_events,
    truth_factors,
)

SimulationProgress = Callable[[str, float], None]
_MIN_CASES, _MAX_CASES = 300, 5_000_000


@dataclass(frozen=True)
class SimulatedDesk:
    """A simulated desk.

    Attributes
    ----------
    tables
        Canonical tables by name.
    truth
        What is known about it: the events that happened, their segments and effects, and the true satisfaction.
    rates
        Expected cases per day, channel, product and region, with the known events: ds (local day), y.
    """

    tables: dict[str, pd.DataFrame]
    truth: dict[str, Any]
    rates: pd.DataFrame = field(repr=False)


def simulate_desk(n_cases: int = 40_000, seed: int = 1, progress: SimulationProgress | None = None) -> SimulatedDesk:
    """Simulate a service desk with four channels, four products, four regions and two time zones for 18 months.

    What customers want and how much work it is are drawn from ``seed``; how long they wait follows from the queues
    of agents with shifts, skills, breaks and leaves (see :func:`deskcast.forecasting.simulation.queue.simulate_queue`).

    Parameters
    ----------
    n_cases
        Number of cases, repeat contacts included, 300 to 5,000,000. The desk hires as many agents as these need.
    seed
        A whole number from 0 on; the same seed gives the same tables.
    progress
        Called with what is being done and the share done so far.

    Returns
    -------
    Desk
        Canonical tables, the truth about the known events, and the expected rates.

    Raises
    ------
    InputError
        If an argument is not a whole number in its range.

    Examples
    --------
    >>> desk = simulate_desk(300, seed=7)
    >>> len(desk.tables["cases"]), [event["kind"] for event in desk.truth["events"]]
    (300, ['outage', 'product_fault', 'agent_leaves', 'broken_form'])
    """
    _check_whole_number(n_cases, "n_cases", _MIN_CASES, _MAX_CASES)
    _check_whole_number(seed, "seed", 0, 2**63 - 1)
    say = progress or (lambda _what, _share: None)
    who, talk, work, extra, help_centre = (np.random.default_rng([seed, stream]) for stream in range(5))

    say("drawing cases", 0.0)
    cases = draw_cases(n_cases, who)
    say("running the phone and chat queues", 0.1)
    contacts, crew = run_contacts(cases, n_cases, talk)
    settled, bot = resolved_on_contact(cases, contacts, talk), draw_bot_resolutions(cases, work)
    say("running the queues of cases", 0.25)
    touches, more = run_touches(cases, draw_touches(cases, contacts, settled, bot, work), work, len(crew))
    crew += more
    say("writing down the events", 0.5)
    agent_ids = [m.name for m in crew]
    case_ids = format_ids("C", np.arange(1, n_cases + 1), 7)
    customer_ids = format_ids("U", np.arange(1, int(cases.customer.max()) + 2), 6)
    codes = build_events(cases, contacts, settled, bot, touches)
    ways = way_truth(cases, codes)
    tables = {"cases": cases_frame(cases, case_ids, customer_ids)}
    tables["events"] = events_frame(codes, case_ids, customer_ids, agent_ids)
    say("writing down the rest", 0.75)
    resolved = final_resolution(cases, contacts, settled, bot, touches)
    good = score_experience(cases, contacts, touches, resolved, extra)
    surveys, satisfied = surveys_frame(good, resolved, agent_ids, case_ids, extra)
    views = weaken_article(draw_views(cases, extra), help_centre)
    begun = articles_of_contacts(views, cases, contacts, help_centre)
    tables["contacts"] = contacts_frame(contacts, case_ids, agent_ids, begun)
    tables["surveys"], tables["article_views"] = surveys, views_frame(views, case_ids)
    tables["searches"] = searches_frame(views, help_centre)
    tables["tasks"] = tasks_frame(cases, extra)
    tables["agent_time"] = agent_time_frame(crew, contacts, touches)
    tables["schedules"] = schedules_frame(crew)
    tables["costs"] = costs_frame(tables["agent_time"], contacts)
    tables["repairs"] = repairs_frame(cases, case_ids, extra)
    tables["sla_policies"] = policies_frame()
    say("done", 1.0)
    truth = _truth(cases, contacts, seed, satisfied) | {"weak_article": article_truth(views)} | ways
    return SimulatedDesk(tables, truth, _rates(n_cases))


def _check_whole_number(value: object, name: str, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= int(value) <= most:
        raise InputError(
            "not a valid number",
            column=name,
            got=value,
            wanted=f"a whole number from {least:,} to {most:,}",
            code="value.range",
        )


def _truth(cases: Cases, contacts: Contacts, seed: int, satisfied: float) -> dict[str, Any]:
    events = [event.truth() for event in known_events().values()]
    for event in events:
        if event["kind"] == "agent_leaves":
            event["agent_id"] = LEAVER
    return {
        "seed": seed,
        "cases": len(cases),
        "begin": format_instant(0),
        "until": format_instant(END_S),
        "timezone": TIMEZONE,
        "events": events,
        "repeat_contacts": int((cases.before >= 0).sum()),
        "phone": describe_phone(contacts),
        "agents": describe_habits(),
        "csat_if_all_had_answered": round(satisfied, 6),
        # what its owner decided, as deskcast.toml has it
        "goals_moved": [dict(MOVED_GOAL)],
        "advice": [{"kind": "agent_leaves", "segment": {"account": "A2"}, "do": ADVICE_ON_LEAVER}],
    }


def _rates(n: int) -> pd.DataFrame:
    """Expected cases by local day and segment; the form's lost cases that come by another channel are left out."""
    expected = daily_rates() * truth_factors()
    expected *= n / expected.sum()
    days = pd.date_range(FIRST_DAY, periods=SPAN_DAYS).as_unit("us")
    index = pd.MultiIndex.from_product(
        [days, CHANNELS, PRODUCTS, REGIONS], names=["ds", "channel", "product", "region"]
    )
    return pd.DataFrame({"y": expected.ravel()}, index=index).reset_index()


def write_desk(desk: SimulatedDesk, folder: str | Path) -> None:
    """Write ``data/<table>.parquet`` for each table, ``truth.json``, ``truth_rates.parquet`` and ``deskcast.toml``.

    The configuration comes last: a folder that has it has the rest.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    home = Path(folder)
    try:
        (home / "data").mkdir(parents=True, exist_ok=True)
        for name, table in desk.tables.items():
            table.to_parquet(home / "data" / f"{name}.parquet", index=False)
        desk.rates.to_parquet(home / "truth_rates.parquet", index=False)
        (home / "truth.json").write_text(json.dumps(desk.truth, indent=2) + "\n", encoding="utf-8")
        (home / "deskcast.toml").write_text(format_desk_config(desk.tables), encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"the simulated desk cannot be written: {error.strerror}", where=str(folder), code="file.unreadable"
        ) from error
