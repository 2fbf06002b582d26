"""Promises in the configuration: presets, conditions and options reach the policies, and wrong ones are named."""

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.features.sla.milestones import milestones
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.check import check_stage

BASE = """
timezone = "Europe/Lisbon"
[source.cases]
path = "cases.csv"
[source.cases.columns]
case_id = "id"
created_at = "opened"
channel = "channel"
[source.events]
path = "events.csv"
[source.events.columns]
case_id = "id"
at = "time"
kind = "kind"
new = "new"
[calendar.office]
timezone = "Europe/Lisbon"
open = { mon-fri = ["09:00-18:00"] }
"""
SLA = """
[[sla]]
policy = "calls"
metric = "agent_work"
target = "4h"
preset = "zendesk"
when = { channel = "phone|chat" }
[[sla]]
policy = "rest"
metric = "agent_work"
target = "8h"
preset = "zendesk"
pause_on = ["parked"]
"""


def project(tmp_path, sla: str):
    opened = ["2024-03-04T09:00Z", "2024-03-04T09:00Z"]
    pd.DataFrame({"id": ["1", "2"], "opened": opened, "channel": ["phone", "mail"]}).to_csv(
        tmp_path / "cases.csv", index=False
    )
    events = {"id": ["1", "1", "2"], "time": ["2024-03-04T10:00Z", "2024-03-04T16:00Z", "2024-03-04T16:00Z"],
              "kind": ["status", "resolved", "resolved"], "new": ["Pending", "", ""]}  # fmt: skip
    pd.DataFrame(events).to_csv(tmp_path / "events.csv", index=False)
    (tmp_path / "deskcast.toml").write_text(BASE + sla, encoding="utf-8")
    return open_project(tmp_path / "deskcast.toml")


def test_a_preset_and_a_condition_choose_the_promise(tmp_path):
    found = milestones(project(tmp_path, SLA).log).set_index("case_id")
    assert found["policy"].to_dict() == {"1": "calls", "2": "rest"}
    assert found["elapsed_s"].to_dict() == {"1": 3600.0, "2": 7 * 3600.0}


def test_a_status_that_never_occurs_is_told_by_check(tmp_path):
    said = " ".join(check_stage(project(tmp_path, SLA)).findings)
    assert "pauses its agent work SLA on status 'parked', which no event has" in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('preset = "zendesk"', 'preset = "zendesc"', "unknown preset.*did you mean 'zendesk'"),
        ('preset = "zendesk"', 'on_change = "restart"', "unknown on_change.*did you mean .reset"),
        ('metric = "agent_work"', 'metric = "agent_wrk"', "unknown metric.*did you mean 'agent_work'"),
    ],
)
def test_an_option_that_does_not_exist_is_named(tmp_path, old, new, words):
    with pytest.raises(InputError, match=words):
        project(tmp_path, SLA.replace(old, new))
