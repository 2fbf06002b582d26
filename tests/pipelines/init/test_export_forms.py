"""One log in many forms: init understands each, and the KPIs are the same to the byte."""

import importlib.util
from pathlib import Path

import pytest
from deskcast.features import kpi_history
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.project import open_project

_spec = importlib.util.spec_from_file_location("export_forms", Path(__file__).parents[2] / "export_forms.py")
forms = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(forms)

KPIS = ["cases_opened", "cases_resolved", "backlog", "resolution_time", "resolution_rate"]


def kpis(folder, name):
    given = forms.FORMS[name](folder)
    project = open_project(write_config(given, folder / "made"))
    return project, kpi_history(project.log, KPIS, freq="D").to_csv(index=False)


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    return kpis(tmp_path_factory.mktemp("right"), "iso")[1]


def test_the_plain_form_has_the_right_values(tmp_path):
    project, _ = kpis(tmp_path, "iso")
    rows = forms.cases()
    cases, events = project.log.frame("cases"), project.log.frame("events")
    ends = events[events["kind"] == "closed"].set_index("case_id")["at"].dt.tz_localize(None)
    assert cases["case_id"].tolist() == [r[0] for r in rows]
    assert cases["created_at"].dt.tz_localize(None).tolist() == [r[1] for r in rows]
    assert dict(ends.items()) == {i: c for i, _, c, _ in rows if c}


@pytest.mark.parametrize("name", [n for n in forms.FORMS if n != "iso"])
def test_each_form_gives_the_same_kpis(tmp_path, right, name):
    assert kpis(tmp_path, name)[1] == right


def test_there_are_forms_enough():
    assert len(forms.FORMS) >= 40
