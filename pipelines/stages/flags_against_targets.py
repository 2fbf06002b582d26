"""The system's own flag of a kept promise beside the targets that are configured: how often the two agree."""

from __future__ import annotations

import pandas as pd

from ...features.case_log.log import CaseLog
from ...features.case_log.schema import DECIDED_VALUE
from ...features.sla.milestones import milestones
from ..words.facts import Finding
from ..words.figures import figure
from .check_sums import FIGURES

#: Metrics that a flag on the whole case speaks of.
_METRICS = ("resolution", "closing")
#: Cases that a comparison must rest on, and the lead that one reading must have to be proposed.
MIN_CASES, MIN_LEAD = 20, 0.02


def compare_flags(log: CaseLog) -> list[Finding]:
    """Report for each SLA flag of the system how often the configured targets agree, with pauses and without.

    Examples
    --------
    >>> ids = [str(i) for i in range(20)]
    >>> cases = pd.DataFrame({"case_id": ids, "created_at": "2024-03-01T09:00Z"})
    >>> flags = pd.DataFrame({"case_id": ids, "at": "2024-03-01T09:00Z", "kind": "field", "field": "made_sla",
    ...                       "new": "true"})
    >>> ends = pd.DataFrame({"case_id": ids, "at": "2024-03-01T10:00Z", "kind": "closed"})
    >>> policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    >>> log = CaseLog.from_frames(cases=cases, events=pd.concat([flags, ends]), sla_policies=policies)
    >>> compare_flags(log)
    ["The system's flag 'made_sla' and the resolution targets agree in 20 of 20 finished cases (100%)."]
    """
    if not (log.has("events", "field", "new") and log.has("sla_policies")):
        return []
    policies = log.frame(log.table("sla_policies"))
    own = policies[policies["clock"].ne("source") & policies["metric"].isin(_METRICS)]
    if own.empty:
        return []
    events = log.table("events")
    told = log.frame(events.filter((events.kind == "field") & events.new.isin(["true", "false"])))
    told = told[told["new"] != DECIDED_VALUE].sort_values(["case_id", "at", "seq"], kind="stable")
    if told.empty:
        return []
    clocks = milestones(log)
    return [
        said
        for flag, rows in told.groupby("field", sort=True)
        for metric in own["metric"].unique()
        if (said := _compare(str(flag), rows, str(metric), clocks[clocks["metric"].eq(metric)]))
    ]


def _compare(flag: str, rows: pd.DataFrame, metric: str, clocks: pd.DataFrame) -> Finding:
    """Compare the last word of a flag on each finished case with the clock of a metric."""
    broken = rows.drop_duplicates("case_id", keep="last").set_index("case_id")["new"].eq("false")
    done = clocks[clocks["stopped_at"].notna() & clocks["target_s"].notna()].drop_duplicates("case_id", keep="last")
    done = done[done["case_id"].isin(broken.index)]
    if len(done) < MIN_CASES:
        return Finding("")
    theirs = broken.reindex(done["case_id"]).to_numpy()
    ours = (done["elapsed_s"] > done["target_s"]).to_numpy()
    unpaused = (done["elapsed_s"] + done["paused_s"].fillna(0.0) > done["target_s"]).to_numpy()
    of = f"{flag} and {metric}"
    count = figure(FIGURES, "finished cases with flag and target", of, len(done))
    same, same_unpaused = (
        (figure(FIGURES, kind, of, int(agree.sum())), figure(FIGURES, f"share of {kind}", of, agree.mean(), "share"))
        for kind, agree in (("agreeing", theirs == ours), ("agreeing without pauses", theirs == unpaused))
    )
    facts = [count, *same]
    named = metric.replace("_", " ")
    text = (
        f"The system's flag '{flag}' and the {named} targets agree in {same[0]} of {count} finished cases ({same[1]:%})"
    )
    if not done["paused_s"].fillna(0.0).gt(0).any():
        return Finding(f"{text}.", *facts, audience="analyst")
    text += f". If pauses counted as work, {same_unpaused[0]} would agree ({same_unpaused[1]:%})"
    lead = (same_unpaused[0].value - same[0].value) / count.value
    advice = ""
    if lead > MIN_LEAD:
        advice = ": set pause_on = ['never'] to count as the system does"
    elif -lead > MIN_LEAD:
        advice = ": keep pause_on as it is, the system pauses too"
    return Finding(f"{text}{advice}.", *facts, *same_unpaused, audience="analyst")
