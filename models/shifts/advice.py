"""What to try about a KPI alert: rules on what was found, each with who does it and the work that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ...features.kpis.catalogue import find_kpi

#: Pieces of advice an alert gets at most: more is a list that nobody works through.
MAX_ADVICE = 2
#: What a condition may be about, and the values of those that have few.
CONDITIONS = ("kpi", "kind", "direction", "change", "driver", "cause")
KNOWN_VALUES: Mapping[str, tuple[str, ...]] = {
    "kind": ("level_shift", "spike"),
    "direction": ("up", "down"),
    "change": ("worse", "better", "neither"),
    "cause": ("owner stopped", "hand-over", "new value", "none"),
}
#: Words of a possible cause -> what it is; of the first that is found.
_CAUSES = (("is new since", "new value"), ("has not worked since", "owner stopped"), ("has not worked on", "hand-over"))
#: States of alerts on which nothing is left to do.
_CLOSED = ("back to normal", "explained", "cancelled", "silenced")
ADVICE_COLUMNS = ("alert_id", "place", "do", "who", "effort_s", "because")
_HOUR = 3600.0


@dataclass(frozen=True)
class Advice:
    """What to try, for whom, the work that it takes, and what was found where it fits.

    ``when`` are conditions of :data:`CONDITIONS`; several values are divided by ``|``. ``driver`` is a column of the
    segment that moved.
    """

    do: str
    who: str
    effort_s: float | None = None
    when: Mapping[str, str] = field(default_factory=dict)


def _rule(do: str, who: str, hours: float, **when: str) -> Advice:
    return Advice(do, who, hours * _HOUR, when)


_WAITS = "backlog|backlog_age|sla_attainment|first_response_time|response_time|resolution_time|resolved_within_2d"
_QUEUE = "service_level|answer_time|abandonment_rate|hold_time"
_AGAIN = "repeat_contact_rate|first_contact_resolution|reopen_rate|problem_solved_rate"
_SAID = "csat|nps|ces"
#: What ships, the closest first: after the rules of the configuration.
DEFAULT_ADVICE = (
    _rule("Name one new owner, and have the open cases handed over in person", "team lead", 4,
          change="worse", cause="owner stopped|hand-over", driver="account|product|region"),
    _rule("Train whoever took over the work, side by side with somebody who knows such cases", "team lead", 16,
          change="worse", cause="owner stopped|hand-over"),
    _rule("Find out what changed: compare a few cases from before the new version with later ones", "product team", 4,
          cause="new value"),
    _rule("Ask the product team about a fault, and put a notice where customers look first", "team lead", 2,
          kpi="cases_opened|contacts_offered", direction="up", driver="product"),
    _rule("Send a test case through the channel: its form or number may be out of order", "channel owner", 0.5,
          kpi="cases_opened|contacts_offered|article_views", direction="down", driver="channel"),
    _rule("Plan the coming days for the higher volume: deskcast staff", "planner", 1,
          kpi="cases_opened|contacts_offered", direction="up"),
    _rule("If the day was a known event or holiday, enter it in deskcast.toml", "planner", 0.25,
          kind="spike", kpi=f"{_WAITS}|{_QUEUE}", change="worse"),
    _rule("Compare agents scheduled with agents required in these hours: deskcast today, deskcast staff", "planner", 1,
          kpi=_QUEUE, change="worse"),
    _rule("Give the backlog its own agents until it is back to normal: deskcast staff shows how many", "planner", 2,
          kpi=_WAITS, change="worse"),
    _rule("Write or correct the help article on what customers come back about", "knowledge editor", 4,
          kpi=_AGAIN, change="worse", driver="product|case_type|channel"),
    _rule("Review repeated and reopened cases with the team, and train what is missing", "team lead", 3,
          kpi=_AGAIN, change="worse"),
    _rule("Call back dissatisfied customers, and note their reasons", "team lead", 3,
          kpi=_SAID, change="worse"),
    _rule("Add what is missing to the form, so that cases reach the right team at once", "channel owner", 8,
          kpi="transfer_rate|escalation_rate|agents_per_case", change="worse"),
    _rule("Find out whether a tool is slow or a step is new, then train or write an article", "team lead", 2,
          kpi="handle_time|effort_per_case|contact_effort_per_case", change="worse"),
    _rule("Look at the cases behind the number: deskcast cases", "team lead", 1, change="worse"),
    _rule("Find out what was done differently there, and do it elsewhere too", "team lead", 1, change="better"),
)  # fmt: skip


def suggest_advice(alerts: pd.DataFrame, rules: Sequence[Advice], *, everything: bool = False) -> pd.DataFrame:
    """Return what to try about each alert on which something is left to do.

    Parameters
    ----------
    alerts
        The ledger of alerts: ``alert_id``, ``kpi``, ``series``, ``kind``, ``direction``, ``drivers``, ``causes`` and
        ``state``.
    rules
        In their order; of an alert the first :data:`MAX_ADVICE` count whose conditions hold.
    everything
        Whether alerts that are over have advice too: to look up what was said of them.

    Returns
    -------
    DataFrame
        The columns of :data:`ADVICE_COLUMNS`: ``because`` says what was found.

    Examples
    --------
    >>> alert = {"alert_id": "a", "kpi": "csat", "series": "account A2", "kind": "level_shift", "direction": "down",
    ...     "drivers": "", "causes": "Ana has not worked since Sun 17 Aug 2025 (70% of account A2)", "state": "new"}
    >>> found = suggest_advice(pd.DataFrame([alert]), DEFAULT_ADVICE)
    >>> found[["place", "who", "because"]].values.tolist()
    [[1, 'team lead', 'worse; owner stopped; account'], [2, 'team lead', 'worse; owner stopped']]
    """
    use = alerts if everything else alerts[~alerts["state"].isin(_CLOSED)]
    rows = []
    for alert in use.itertuples():
        found = describe_findings(alert)
        place = 0
        for rule in rules:
            because = _match(rule, found)
            if because is None:
                continue
            place += 1
            rows.append((alert.alert_id, place, rule.do, rule.who, rule.effort_s, because))
            if place == MAX_ADVICE:
                break
    table = pd.DataFrame(rows, columns=list(ADVICE_COLUMNS))
    texts = ("alert_id", "do", "who", "because")
    return table.astype(dict.fromkeys(texts, "str") | {"place": "int64", "effort_s": "float64"})


def describe_findings(alert: Any) -> dict[str, tuple[str, ...]]:
    """Return what was found of an alert, by condition.

    >>> from types import SimpleNamespace
    >>> describe_findings(SimpleNamespace(kpi="backlog", series="product TV, region North", kind="spike",
    ...     direction="down", drivers="", causes=""))
    {'kpi': ('backlog',), 'kind': ('spike',), 'direction': ('down',), 'change': ('better',), \
'driver': ('product', 'region'), 'cause': ('none',)}
    """
    kpi = str(alert.kpi)
    entry = find_kpi(kpi)
    better = "" if entry is None else entry.better or ("lower" if entry.kind == "duration" else "")
    change = "neither" if not better else "better" if (better == "higher") == (alert.direction == "up") else "worse"
    causes = str(alert.causes)
    cause = next((name for words, name in _CAUSES if words in causes), "none")
    words = f"{alert.series}, {alert.drivers}".split(", ")
    driver = tuple(dict.fromkeys(part.split(" ", 1)[0] for part in words if " " in part))
    return {
        "kpi": tuple(dict.fromkeys((kpi, entry.name if entry else kpi))),
        "kind": (str(alert.kind),),
        "direction": (str(alert.direction),),
        "change": (change,),
        "driver": driver,
        "cause": (cause,),
    }


def _match(rule: Advice, found: Mapping[str, tuple[str, ...]]) -> str | None:
    """Return what was found that a rule asks for; ``None`` where a condition does not hold."""
    because = []
    for name, wanted in rule.when.items():
        values = [part.strip() for part in wanted.split("|")]
        hits = [value for value in found[name] if value in values]
        if not hits:
            return None
        because.append(hits[0].replace("_", " "))
    return "; ".join(because)
