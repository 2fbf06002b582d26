"""The few findings of a first screen: the most important of each stage, within a number of words."""

from __future__ import annotations

from collections.abc import Iterable

from ..stage import Stage
from .facts import audience_of, facts_of

#: Findings and words that a first screen holds at most.
MAX_HEADLINES, MAX_HEADLINE_WORDS = 7, 180
#: Stages in the order in which a manager wants them.
STAGE_ORDER = (
    "risk",
    "watch",
    "forecast",
    "staff",
    "review",
    "today",
    "history",
    "train",
    "drift",
    "compare",
    "accuracy",
    "check",
)


def select_headlines(stages: Iterable[Stage], limit: int = MAX_HEADLINES, words: int = MAX_HEADLINE_WORDS) -> list[str]:
    """Select the findings for everyone that a first screen shows: the first of each stage, then the second, and so on.

    They are returned by stage, each stage's in their own order. One that would exceed the words is passed over.

    Examples
    --------
    >>> from deskcast.pipelines.words.facts import Finding
    >>> risk = Stage("risk", findings=("13 cases have breached.", "Work on these 20 cases first.", "Third."))
    >>> history = Stage("history", findings=("160 cases opened.", Finding("60 KPIs.", audience="planner")))
    >>> select_headlines([history, risk], limit=3)
    ['13 cases have breached.', 'Work on these 20 cases first.', '160 cases opened.']
    >>> select_headlines([history, risk], words=4)
    ['13 cases have breached.']
    """
    known = {stage.name: stage for stage in stages}
    names = [*[n for n in STAGE_ORDER if n in known], *[n for n in known if n not in STAGE_ORDER]]
    offered = {name: [f for f in known[name].findings if audience_of(f) == "everyone"] for name in names}
    chosen: dict[str, list[str]] = {name: [] for name in names}
    left, count = words, 0
    for place in range(max(map(len, offered.values()), default=0)):
        for name in names:
            if place >= len(offered[name]) or count == limit:
                continue
            size = len(offered[name][place].split())
            if size <= left:
                chosen[name].append(offered[name][place])
                left, count = left - size, count + 1
    return [said for name in names for said in chosen[name]]


def is_listed(finding: str, cases: set[str]) -> bool:
    """Return whether a finding is on one case of a list, whose row says the same.

    >>> from deskcast.pipelines.words.facts import Fact, Finding
    >>> is_listed(Finding("Case C1: breach risk 90%.", Fact("breach_risk", "C1", 0.9)), {"C1"})
    True
    """
    return any(fact.kind == "breach_risk" and fact.subject in cases for fact in facts_of([finding]))
