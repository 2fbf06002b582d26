"""Skills in the configuration: refused by name where they cannot be, and planned together by `deskcast staff`."""

import tomllib
from pathlib import Path

import deskcast
import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.staff import staff_stage
from deskcast.pipelines.words.columns import find_column
from deskcast.pipelines.words.contradictions import contradictions, undeclared_numbers

CONFIG = """
timezone = "UTC"
[source.contacts]
path = "contacts.csv"
[calendar.office]
timezone = "UTC"
open = { mon-fri = ["08:00-16:00"] }
[staffing.german]
where = { channel = "german" }
calendar = "office"
interval = "1h"
horizon_days = 2
shrinkage = 0.2
skills = ["german"]
priority = 1
[staffing.french]
where = { channel = "french" }
calendar = "office"
interval = "1h"
horizon_days = 2
shrinkage = 0.3
skills = ["french"]
priority = 2
[agents.bilingual]
skills = ["german", "french"]
cost = 1.05
[agents.german-only]
skills = ["german"]
[agents.french-only]
skills = ["french"]
"""
PHONE = {"skills": ["german"]}


@pytest.mark.parametrize(
    ("staffing", "agents", "message"),
    [
        ({"phone": PHONE}, {}, "staffing.phone.: key 'skills': no group of agents has these skills; got 'german'"),
        ({"phone": PHONE}, {"a": {"skills": ["ger"]}}, "agents.a.: key 'skills': no queue asks for this"),
        ({"phone": {}}, {"a": {"skills": ["german"]}}, "no queue asks for this skill; got 'german' .add skills to"),
        ({"p": {"skills": ["a", "b"]}}, {"a": {"skills": ["a"]}, "b": {"skills": ["b"]}}, "these skills; got 'a, b'"),
        ({"phone": PHONE | {"kind": "chat"}}, {"a": PHONE}, "key 'skills': skills are for queues of calls; got 'chat'"),
        ({"phone": PHONE, "sales": PHONE | {"interval": "1h"}}, {"a": PHONE}, "need one interval; got '3600 s'"),
        ({"phone": PHONE}, {"a": PHONE, "b": {"skills": []}}, "agents.b.: key 'skills': missing skills"),
        ({"phone": PHONE}, {"a": PHONE | {"cost": 0}}, "key 'cost': the number is out of range"),
        ({"phone": PHONE | {"priority": 0}}, {"a": PHONE}, "key 'priority': not a valid value; got 0"),
    ],
)  # fmt: skip
def test_skills_that_cannot_be_are_refused_by_name(tmp_path, staffing, agents, message):
    raw = {"source": {"cases": {"path": "x.csv"}}, "staffing": staffing, "agents": agents}
    with pytest.raises(InputError, match=message):
        parse_config(raw, folder=tmp_path)


def test_the_skills_of_the_guide_can_be_read(tmp_path):
    text = (Path(deskcast.__file__).parent / "docs/howto/planner.md").read_text().split("```toml\n")[2].split("```")[0]
    config = parse_config(tomllib.loads(text) | {"source": {"cases": {"path": "x.csv"}}}, folder=tmp_path)
    assert {name: group.skills for name, group in config.agents.items()} == {
        "bilingual": ("german", "french"), "german-only": ("german",), "french-only": ("french",),
    }  # fmt: skip
    assert [spec.priority for spec in config.staffing.values()] == [1, 2]


def make_project(folder, config=CONFIG):
    dice = np.random.default_rng(4)
    rows = []
    for day in pd.bdate_range("2024-01-01", "2024-02-14", tz="UTC"):
        for channel, calls in (("german", 240), ("french", 160)):
            at = day + pd.to_timedelta(
                np.sort(dice.uniform(8 * 3600, 16 * 3600, dice.poisson(calls))).round(), unit="s"
            )
            talk = pd.to_timedelta(dice.exponential(240, len(at)).round() + 1, unit="s")
            rows.append(pd.DataFrame({"queued_at": at, "answered_at": at, "ended_at": at + talk, "channel": channel}))
    contacts = pd.concat(rows, ignore_index=True).assign(outcome="answered")
    contacts.insert(0, "contact_id", [f"k{i}" for i in range(len(contacts))])
    contacts.to_csv(folder / "contacts.csv", index=False)
    (folder / "deskcast.toml").write_text(config)
    return open_project(folder / "deskcast.toml")


@pytest.mark.slow
@pytest.mark.parametrize("sure", ["", 'confidence = 0.8\ntarget_over = "day"\n'], ids=["expected", "sure"])
def test_queues_that_share_agents_are_planned_together(tmp_path, sure):
    project = make_project(tmp_path, CONFIG.replace("shrinkage =", f"{sure}shrinkage ="))
    stage = staff_stage(project)
    assert not [f for f in stage.findings if f.startswith("Not planned")]
    groups, service = stage.tables["skill_groups"], stage.tables["skill_service"]
    total = groups.groupby("ds")[["agents_lo", "agents", "agents_hi"]].sum()
    assert (total["agents_lo"] <= total["agents"]).all()
    assert (total["agents"] <= total["agents_hi"]).all()
    assert sure or total["agents"].sum() < total["agents_hi"].sum()
    own = stage.tables["staffing"].groupby("ds")["agents_sure" if sure else "agents"].sum()
    assert total["agents_hi"].tolist() == own.reindex(total.index).tolist()
    assert total.loc[(total.index.hour < 8) | (total.index.hour >= 16)].to_numpy().sum() == 0
    assert service["service_level"].min() >= 0.78
    mine = groups[groups["group"] == "french-only"]
    assert mine["agents_to_schedule"].tolist() == pytest.approx((mine["agents"] / 0.7).tolist())
    said = [f for f in stage.findings if "share agents" in f or "shared agents" in f]
    assert len(said) == 3
    assert contradictions(stage) == []
    for text in said:
        assert undeclared_numbers(text, text.facts, text.names) == [], text
    assert [
        c for t in ("skill_groups", "skill_service") for c in stage.tables[t] if find_column(t, str(c)) is None
    ] == []
