"""What init makes of the dumped tables of GLPI and osTicket."""

import glpi_desk
import osticket_desk
import pytest
from deskcast.features.recognise.collection import look_at
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.project import open_log
from helpdesk_dumps import write_dumps

DESKS = {"glpi": (glpi_desk, 5), "osticket": (osticket_desk, 6)}


@pytest.fixture(scope="module", params=list(DESKS))
def desk(request, tmp_path_factory):
    module, cases = DESKS[request.param]
    rows = module.make_rows()
    if "glpi_events" in rows:
        rows["glpi_events"] = [{"id": 1, "items_id": 1, "type": "system", "date": "2024-03-04 09:00:00"}]
    return request.param, write_dumps(module.DDL, rows, tmp_path_factory.mktemp(request.param)), cases


@pytest.mark.parametrize("form", ["csv", "dump.db"])
def test_dumped_tables_are_one_source_and_the_others_are_named(desk, form):
    kind, home, _ = desk
    found = look_at([home / form])
    assert [(s.kind, s.shape) for s in found.seen] == [(kind, f"export of {kind}")]
    assert "does not say which" in found.seen[0].why["timezone"]
    if form == "csv" and kind == "glpi":
        said = dict(found.passed_over)
        assert f"another table of the database of {kind}" in said["glpi_users.csv"]
        assert f"another table of the database of {kind}" in said["glpi_events.csv"]


def test_a_configuration_from_the_folder_runs(desk, tmp_path):
    kind, home, cases = desk
    text = write_config(home / "csv", tmp_path).read_text()
    assert f'kind = "{kind}"' in text
    assert 'clock = "due"' in text
    assert len(open_log(tmp_path / "deskcast.toml").frame("cases")) == cases
