"""Findings are readable: short sentences in the words of their readers, and a first screen of few of them."""

import re

import pandas as pd
import pytest
from deskcast.models.shifts.advice import DEFAULT_ADVICE
from deskcast.pipelines.commands.run import run_stages
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.results import read_results
from deskcast.pipelines.words.facts import Finding
from deskcast.pipelines.words.headlines import MAX_HEADLINE_WORDS, MAX_HEADLINES, select_headlines

MAX_WORDS, MAX_SENTENCES = 25, 3
#: Words that nobody is to read, those that planners are not, and those that managers are not.
FOR_NOBODY = (
    r"promises?|keeps?|kept|breaks?|broke|broken|slots?|next to nothing|wild|holes?|people|whom|little can be known|"
    r"nothing was learnt|noise|told|said|came|what comes|verdict|can be had|refused|honest|teach\w*|learnt|peek\w*"
)
FOR_ANALYSTS = (
    r"origins?|cut-?offs?|folds?|windows?|out of time|quantile|WQL|MASE|seasonal naive|baselines?|core|interval held|"
    r"coverage|sample paths?|nodes?|lea(?:f|ves)|(?<!service )levels?(?! shift)|coherent|reconcil\w+|short|binding|"
    r"Brier|AUC|ECE|skill|log-odds|hazard|logistic|base rate|snapshots?|labels?|censored|alarms?|spikes?|CUSUM|z|"
    r"evidence|members|withdrawn|budget|picked|benefit|take up|flagged"
)
FOR_PLANNERS = r"WAPE|loads?|Erlangs?|drivers?|mix|contributions?"
FORBIDDEN = {
    "analyst": FOR_NOBODY,
    "planner": f"{FOR_NOBODY}|{FOR_ANALYSTS}",
    "everyone": f"{FOR_NOBODY}|{FOR_ANALYSTS}|{FOR_PLANNERS}",
}


def faults(finding):
    """Name what a reader would stumble over; names of the data count as one word."""
    rest = str(finding)
    for name in sorted(getattr(finding, "names", ()), key=len, reverse=True):
        rest = rest.replace(name, "x") if name and len(name) < len(rest) and " " not in name.strip() else rest
    rest = re.sub(r"'[^']*'", "x", rest)
    found = [m.group() for m in re.finditer(rf"\b(?:{FORBIDDEN[finding.audience]})\b", rest, re.IGNORECASE)]
    sentences = re.split(r"(?<=[.!?]) (?=[A-Z])", rest)
    found += [f"{len(s.split())} words: {s}" for s in sentences if len(s.split()) > MAX_WORDS]
    found += [f"{len(sentences)} sentences"] if len(sentences) > MAX_SENTENCES else []
    found += [sign for sign in (" %", "_", "?", "[") if sign in rest.replace("[[sla]]", "")]
    found += re.findall(r"\de-\d+", rest)  # 1e-05, but not an agent such as west-home-001
    return found


def unreadable(stages):
    """Return the faults of all findings, and of the first screen."""
    found = [(f, str(said)) for stage in stages for said in stage.findings for f in faults(said)]
    screen = select_headlines(stages)
    if len(screen) > MAX_HEADLINES or sum(len(said.split()) for said in screen) > MAX_HEADLINE_WORDS:
        found.append(("too long a first screen", str(screen)))
    return found


def test_a_finding_that_breaks_a_rule_is_named():
    assert faults(Finding("13 cases broke their promise.")) == ["broke", "promise"]
    assert faults(Finding("AUC 0.84.", audience="analyst")) == []
    assert faults(Finding("AUC 0.84.")) == ["AUC"]
    assert faults(Finding("80 % of first_response.")) == [" %", "_"]
    assert "26 words" in faults(Finding(" ".join(["case"] * 26) + "."))[0]


def test_the_findings_of_the_demo_are_readable(demo_home):
    stages = read_results(demo_home / "desk" / "results").stages
    assert unreadable(stages) == []
    screen = select_headlines(stages)
    assert len(screen) >= 5
    assert {said.audience for said in screen} == {"everyone"}


def test_the_advice_that_ships_is_readable():
    assert len(DEFAULT_ADVICE) > 10
    for rule in DEFAULT_ADVICE:
        assert faults(Finding(f"Try: {rule.do} ({rule.who}).")) == []


def test_a_long_finding_is_passed_over_and_the_order_is_by_stage():
    long = " ".join(["word"] * 170) + "."
    stages = [Stage("history", findings=("Short one.",)), Stage("risk", findings=(long, "Second."))]
    assert select_headlines(stages) == [long, "Second.", "Short one."]
    assert select_headlines([Stage("risk", findings=(long, long))]) == [long]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_findings_of_other_seeds_are_readable(seed, tmp_path):
    write_desk(simulate_desk(2500, seed), tmp_path)
    assert unreadable(run_stages(open_project(tmp_path / "deskcast.toml"))) == []


@pytest.mark.slow
def test_the_findings_of_a_real_help_desk_are_readable(shared_data, tmp_path):
    rows = pd.read_csv(shared_data("helpdesk_italy/helpdesk.csv.gz"), dtype=str, keep_default_na=False)
    rows.to_csv(tmp_path / "log.csv", index=False)
    write_config([tmp_path / "log.csv"], tmp_path)
    stages = run_stages(open_project(tmp_path / "deskcast.toml"))
    assert sum(len(stage.findings) for stage in stages) > 8
    assert unreadable(stages) == []
