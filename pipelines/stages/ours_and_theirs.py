"""Our figures beside those that the system itself exports: how many cases agree, and why the others do not."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.case_log.schema import DECIDED_VALUE
from ...features.durations import format_duration
from ...features.sla.due_times import due_time_table
from ...features.sources.figures import FIGURES, THEIR_PREFIX
from ..words.facts import Cell, Fact, Finding
from ..words.words import format_list
from .difference_reasons import OtherReading, other_readings, our_figure, promises_kept, read_our_figures

#: Cases that a comparison must rest on, durations that are told apart, and the cases that are shown.
MIN_CASES, MIN_DIFFERENCE_S, EXAMPLES = 5, 60.0, 3
#: A reason that explains fewer of the cases that differ than this is none of the figure.
MIN_EXPLAINED = 0.2
COLUMNS = (
    *("figure", "compared", "agree", "agree_share", "median_difference", "median_of_differing", "likely_reason"),
    *("explained", "examples"),
)
_SLA_METRICS = {"sla_met": ("resolution", "closing"), "first_response_sla_met": ("first_response",)}
_UNEXPLAINED = "no reason found"


def compare_with_system(log: CaseLog) -> pd.DataFrame:
    """Compare every figure that the system exports with ours, case by case.

    Durations agree within a minute, or by less than the step in which the system gives them where that is longer. A
    reason is found by test: another way to count (business hours, first or last resolution, pauses, unit, time zone)
    that gives the system's figure for the case.

    Returns
    -------
    DataFrame
        One row a figure: ``compared`` (cases that have both), ``agree`` and its share, ``median_difference`` of all and
        ``median_of_differing`` (ours less theirs; seconds for durations), ``likely_reason`` (that explains most of the
        cases that differ, a fifth at least), ``explained`` (how many it does), ``examples`` (three cases in words).

    Examples
    --------
    >>> ids = [str(i) for i in range(6)]
    >>> cases = pd.DataFrame({"case_id": ids, "created_at": "2024-03-01T09:00Z", "their_resolution_s": [3600.0] * 5 + [0.0]})
    >>> ends = pd.DataFrame({"case_id": ids, "at": "2024-03-01T10:00Z", "kind": "resolved"})
    >>> found = compare_with_system(CaseLog.from_frames(cases=cases, events=ends))
    >>> found[["figure", "compared", "agree", "median_of_differing"]].values.tolist()
    [['resolution_s', 6, 5, 3600.0]]
    """  # noqa: E501 - one statement
    rows: list[dict[str, object]] = []
    named = [f for f in FIGURES if log.has("cases", THEIR_PREFIX + f)] if log.has("cases") else []
    if named:
        cases = read_our_figures(log)
        for figure in (f for f in named if FIGURES[f].kind != "flag"):
            theirs = cases[THEIR_PREFIX + figure].astype("float64")
            rows += _compare(log, cases, figure, our_figure(cases, figure, dict(log.calendars)), theirs)
    rows += _compare_promises(log, named)
    rows += _compare_due_times(log)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _compare(
    log: CaseLog, cases: pd.DataFrame, figure: str, ours: pd.Series, theirs: pd.Series
) -> list[dict[str, object]]:
    both = ours.notna() & theirs.notna()
    if both.sum() < MIN_CASES:
        return []
    duration = FIGURES[figure].kind == "duration"
    margin = max(MIN_DIFFERENCE_S, _step(theirs[both]) - 1.0) if duration else 0.0
    gap = (ours - theirs)[both]
    agree = gap.abs() <= margin
    differ = agree.index[~agree]
    readings = other_readings(log, cases, figure, ours) if len(differ) else []
    why, best, count = _explain(theirs[differ], readings, margin)
    shown = [_example(i, ours[i], theirs[i], why[i], duration) for i in _spread(differ, why, best)]
    return [
        {
            "figure": figure,
            "compared": int(both.sum()),
            "agree": int(agree.sum()),
            "agree_share": float(agree.mean()),
            "median_difference": float(gap.median()),
            "median_of_differing": float(gap[~agree].median()) if len(differ) else float("nan"),
            "likely_reason": best,
            "explained": count,
            "examples": "; ".join(shown),
        }
    ]


def _step(theirs: pd.Series) -> float:
    """Return the step in which the system gives durations: days, hours, minutes, or nothing coarser than a second."""
    values = theirs[theirs > 0].to_numpy()
    steps = (86400.0, 3600.0, 1800.0, 900.0, 360.0, 60.0)
    return next((s for s in steps if len(values) >= MIN_CASES and np.allclose(values % s, 0.0, atol=1e-6)), 0.0)


def _explain(theirs: pd.Series, readings: list[OtherReading], margin: float) -> tuple[pd.Series, str, int]:
    """Return the reason of each case that differs, and the one that explains most of them with how many it does."""
    hits = {}
    for number, reading in enumerate(readings):
        near = (reading.values.reindex(theirs.index) - theirs).abs() <= margin
        if near.any():
            hits[number] = near
    order = sorted(hits, key=lambda n: (-int(hits[n].sum()), n))
    why = pd.Series(_UNEXPLAINED, index=theirs.index, dtype="str")
    for number in reversed(order):
        why = why.mask(hits[number], readings[number].words)
    if not order or hits[order[0]].sum() < MIN_EXPLAINED * len(theirs):
        return why, "", 0
    return why, readings[order[0]].words, int(hits[order[0]].sum())


def _spread(differ: pd.Index, why: pd.Series, best: str) -> list[str]:
    """Choose the cases to show: of the likely reason first, then one that has another or none."""
    main = [i for i in differ if why[i] == best]
    rest = [i for i in differ if why[i] != best]
    chosen = main[: EXAMPLES - bool(rest)] + rest
    return chosen[:EXAMPLES]


def _example(case: str, ours: float, theirs: float, why: str, duration: bool) -> str:
    say = format_duration if duration else (lambda v: f"{v:g}")
    return f"case {case}: ours {say(ours)}, theirs {say(theirs)} ({why})"


def _compare_promises(log: CaseLog, named: list[str]) -> list[dict[str, object]]:
    """Compare the flags of kept promises, of the cases and of the events, with the promises that are measured here."""
    if not (log.has("events") and log.has("sla_policies")):
        return []
    policies = log.frame("sla_policies")
    theirs: dict[str, pd.Series] = {}
    cases = log.frame("cases").set_index("case_id") if named else pd.DataFrame()
    for figure in (f for f in named if FIGURES[f].kind == "flag"):
        theirs[figure] = cases[THEIR_PREFIX + figure].astype("boolean")
    told = _flags_of_events(log)
    theirs |= {str(name): values for name, values in told.items()}
    own = set(policies.loc[policies["clock"] != "source", "metric"])
    if not theirs or not own:
        return []
    kept = promises_kept(log, tuple(own))
    rows = []
    for figure, values in theirs.items():
        for metric in _SLA_METRICS.get(figure, ("resolution", "closing")):
            mine = kept[kept["metric"] == metric].set_index("case_id")
            rows += _compare_kept(f"{figure} ({metric})", mine, values.dropna())
    return rows


def _flags_of_events(log: CaseLog) -> dict[str, pd.Series]:
    if not log.has("events", "field", "new"):
        return {}
    events = log.table("events")
    told = events.filter((events.kind == "field") & events.new.isin(["true", "false"]) & (events.new != DECIDED_VALUE))
    rows = fetch(told.select("case_id", "field", "new", "at", "seq")).sort_values(["case_id", "at", "seq"])
    last = rows.drop_duplicates(["case_id", "field"], keep="last")
    return {
        str(name): part.set_index("case_id")["new"].eq("true").astype("boolean") for name, part in last.groupby("field")
    }


def _compare_kept(name: str, mine: pd.DataFrame, theirs: pd.Series) -> list[dict[str, object]]:
    both = mine.index.intersection(theirs.index)
    if len(both) < MIN_CASES:
        return []
    ours, told = mine.loc[both, "kept"].astype(bool), theirs.loc[both].astype(bool)
    differ = both[(ours != told).to_numpy()]
    pauses = mine.loc[differ, "kept_unpaused"].eq(told.loc[differ])
    why = pd.Series(_UNEXPLAINED, index=differ, dtype="str").mask(pauses, "pauses count as work")
    enough = int(pauses.sum()) >= max(1.0, MIN_EXPLAINED * len(differ))
    word = {True: "met", False: "breached"}
    shown = [
        f"case {i}: ours {word[bool(ours[i])]}, theirs {word[bool(told[i])]} ({why[i]})"
        for i in _spread(differ, why, "pauses count as work")
    ]
    return [_row(name, len(both), len(both) - len(differ), "pauses count as work" if enough else "",
                 int(pauses.sum()) if enough else 0, shown, float(ours.mean() - told.mean()))]  # fmt: skip


def _row(
    name: str, size: int, agree: int, why: str, explained: int, shown: list[str], difference: float
) -> dict[str, object]:
    out = {"figure": name, "compared": size, "agree": agree, "agree_share": agree / size}
    out |= {"median_difference": difference, "median_of_differing": float("nan")}
    return out | {"likely_reason": why, "explained": explained, "examples": "; ".join(shown)}


def _compare_due_times(log: CaseLog) -> list[dict[str, object]]:
    """Compare the system's due times with the targets of the same metric, where a log has both: who was in time."""
    from ...features.sla.milestones import milestones

    if not (log.has("sla_policies") and log.has("events")):
        return []
    dues = due_time_table(log).dropna(subset=["due_at"]).drop_duplicates(["case_id", "metric"], keep="last")
    if dues.empty:
        return []
    policies = log.frame("sla_policies")
    measured = set(policies.loc[policies["clock"].isin(["calendar", "business"]), "metric"])
    rows = []
    for metric in sorted(measured & set(dues["metric"])):
        mine = milestones(log)
        mine = mine[(mine["metric"] == metric) & mine["stopped_at"].notna()].drop_duplicates("case_id", keep="last")
        both = mine.merge(
            dues.loc[dues["metric"] == metric, ["case_id", "due_at"]], on="case_id", suffixes=("", "_sys")
        )
        both = both[both["status"].isin(["met", "breached"])].set_index("case_id")
        if len(both) < MIN_CASES:
            continue
        late, ours = both["stopped_at"] > both["due_at_sys"], both["status"].eq("breached")
        differ = both.index[(late != ours).to_numpy()]
        gap = (both["due_at"] - both["due_at_sys"]).dt.total_seconds()
        shown = [
            f"case {i}: due {both.loc[i, 'due_at']:%d %b %Y %H:%M} by the target, "
            f"{both.loc[i, 'due_at_sys']:%d %b %Y %H:%M} by the system"
            for i in differ[:EXAMPLES]
        ]
        found = _row(f"due time ({metric})", len(both), len(both) - len(differ), "", 0, shown, float(gap.median()))
        rows.append(found)
    return rows


def sentences_of_comparison(table: pd.DataFrame) -> list[Finding]:
    """Report by figure how many cases agree, the median difference, and why; flags of events have their own sentences.

    >>> row = {"figure": "resolution_s", "compared": 10, "agree": 8, "agree_share": 0.8, "median_difference": 0.0}
    >>> row |= {"median_of_differing": 7200.0, "likely_reason": "the first resolution", "explained": 2, "examples": ""}
    >>> sentences_of_comparison(pd.DataFrame([row]))
    ["Resolution time: ours equals the system's in 8 of 10 cases (80%). Where they differ, ours is 2 h longer at the \
median. Likely reason: the first resolution (2 of 2)."]
    """
    said = []
    for row in table.to_dict("records"):
        name = str(row["figure"])
        if name.partition(" (")[0] not in (*FIGURES, "due time"):
            continue

        def held(column: str, figure: str = name, unit: str = "count") -> Fact:
            cell = Cell("ours_against_theirs", column, {"figure": figure})
            return Fact.at(cell, {"ours_against_theirs": table}, f"cases: {column}", figure, unit)

        agree, compared, share = held("agree"), held("compared"), held("agree_share", unit="share")
        words = FIGURES[name].words if name in FIGURES else name
        text, rest = f"in {agree} of {compared:case} ({share:%})", _rest_of_comparison(row, name)
        whole = f"{words[:1].upper()}{words[1:]}: ours equals the system's {text}{rest}."
        said.append(
            Finding(
                whole, agree, compared, share, audience="analyst", names=[words, words[:1].upper() + words[1:], rest]
            )
        )
    return said


def _rest_of_comparison(row: Mapping[Hashable, Any], name: str) -> str:
    differ, text = int(row["compared"]) - int(row["agree"]), ""
    if differ and not pd.isna(row["median_of_differing"]):
        text += f". Where they differ, ours is {_signed(name, float(row['median_of_differing']))} at the median"
    if row["likely_reason"]:
        text += f". Likely reason: {row['likely_reason']} ({row['explained']:,} of {differ:,})"
    elif differ:
        text += ". No single reason explains the difference"
    return text


def _signed(figure: str, gap: float) -> str:
    duration = figure in FIGURES and FIGURES[figure].kind == "duration"
    size = format_duration(abs(gap)) if duration else f"{abs(gap):g}"
    return f"{size} {'longer' if gap > 0 else 'shorter'}" if duration else f"{size} {'more' if gap > 0 else 'fewer'}"


def describe_comparison(table: pd.DataFrame) -> str:
    """Write all of it, with examples, in one cell of the table of checks."""
    said = sentences_of_comparison(table)
    if not said:
        return f"The export has none of: {format_list([f.words for f in FIGURES.values()])}."
    examples = "; ".join(str(text) for text in table["examples"] if text)
    return " ".join(said) + (f" Examples: {examples}." if examples else "")
