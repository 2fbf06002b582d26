"""Calendars and promises that Zammad and Chatwoot keep: proposed as lines that a configuration understands."""

import tomllib

import chatwoot_desk
import pytest
import zammad_desk
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from deskcast.features.sources.stated_settings import StatedCalendar, StatedPromise, propose_settings
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.config import load_config
from helpdesk_dumps import write_dumps

MORE = """
calendars: id serial, name varchar(250), timezone varchar(250), business_hours varchar(3000), public_holidays varchar(500000), ical_url varchar(500)
slas: id serial, name varchar(150), calendar_id int, first_response_time int, response_time int, update_time int, solution_time int, condition text
"""  # noqa: E501
YAML = "--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\n" + "".join(
    f"{day}: !ruby/hash:X\n  active: {str(day not in ('sat', 'sun')).lower()}\n  timeframes:\n  - - '09:00'\n"
    "    - '12:30'\n  - - '13:00'\n    - '17:00'\n"
    for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
)
JSON = (
    '{"sat":{"active":true,"timeframes":[["00:00","23:59"]]},"sun":{"active":false,"timeframes":[["09:00","17:00"]]}}'
)
HOLIDAYS = "---\n'2024-12-25':\n  active: true\n  summary: Christmas\n'2024-12-31':\n  active: false\n  summary: Eve\n"
ROWS = {
    "calendars": [
        {"id": 1, "name": "Büro", "timezone": "Europe/Berlin", "business_hours": YAML, "public_holidays": HOLIDAYS},
        {"id": 2, "name": "Weekend", "timezone": "Europe/Lisbon", "business_hours": JSON},
        {"id": 3, "name": "Broken", "timezone": "Nowhere/Town", "business_hours": JSON},
    ],
    "slas": [
        {"id": 1, "name": "Gold", "calendar_id": 1, "first_response_time": 60, "update_time": 120, "solution_time": 480,
         "condition": '{"ticket.priority_id":{"operator":"is","value":["3","2"]},'
                      '"ticket.group_id":{"operator":"is","value":"2"}}'},
        {"id": 2, "name": "VIP", "calendar_id": 2, "solution_time": 90,
         "condition": "---\nticket.customer_id:\n  operator: is\n  value: '7'\nticket.priority_id:\n"
                      "  operator: is not\n"
                      "  value:\n  - '1'\n"},
        {"id": 3, "name": "Lost", "calendar_id": 3, "solution_time": 90},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    zammad = tmp_path_factory.mktemp("zammad")
    write_dumps(zammad_desk.DDL + MORE.strip(), zammad_desk.make_rows() | ROWS, zammad)
    chatwoot = tmp_path_factory.mktemp("chatwoot")
    write_dumps(chatwoot_desk.DDL, chatwoot_desk.make_rows(audited=False), chatwoot)
    return {"zammad": zammad / "csv", "chatwoot": chatwoot / "csv"}


def test_zammad_s_calendars_and_slas_as_sections(homes):
    loaded = load_source(SourceSpec("cases", str(homes["zammad"]), kind="zammad"))
    stated = tomllib.loads("\n".join(loaded.stated))
    assert stated["calendar"] == {
        "b_ro": {"timezone": "Europe/Berlin", "open": {"mon-fri": ["09:00-12:30", "13:00-17:00"]},
                 "holidays": ["2024-12-25"]},
        "weekend": {"timezone": "Europe/Lisbon", "open": {"sat": ["00:00-24:00"]}},
    }  # fmt: skip
    gold = [s for s in stated["sla"] if s["policy"] == "Gold"]
    targets = {"first_response": "60min", "next_response": "120min", "resolution": "480min"}
    assert sorted((s["metric"], s["target"], s["priority"]) for s in gold) == sorted(
        (metric, target, priority) for metric, target in targets.items() for priority in ("3 high", "2 normal")
    )
    assert {s["when"]["team"] for s in gold} == {"Field"}
    assert {s["calendar"] for s in gold} == {"b_ro"}
    assert not any(s["policy"] == "Lost" for s in stated["sla"])
    assert "# It is only for tickets with a condition on ticket.customer_id, ticket.priority_id, which is" in "\n".join(
        loaded.stated
    )
    assert any("the calendar 'Broken' cannot be used" in n for n in loaded.notes)
    assert any("the system has 7 promises of its own ('Gold', 'VIP')" in n for n in loaded.notes)


def test_chatwoot_s_working_hours_and_policies_as_sections(homes):
    loaded = load_source(SourceSpec("cases", str(homes["chatwoot"]), kind="chatwoot"))
    stated = tomllib.loads("\n".join(loaded.stated))
    assert stated["calendar"] == {
        "inbox_2_support": {"timezone": "Europe/Berlin", "open": {"mon-fri": ["09:00-17:00"]}}
    }
    email = [s for s in stated["sla"] if s["policy"] == "policy 2"]
    assert {(s["metric"], s["target"], s["calendar"]) for s in email} == {
        ("first_response", "60min", "inbox_2_support"), ("resolution", "480min", "inbox_2_support"),
    }  # fmt: skip
    assert any("the calendar 'inbox 2 Support' is mon-fri 09:00-17:00 (Europe/Berlin)" in n for n in loaded.notes)


@pytest.mark.parametrize("kind", ["zammad", "chatwoot"])
def test_init_writes_them_to_take_over_and_what_is_taken_over_is_understood(homes, tmp_path, kind):
    path = write_config(homes[kind], tmp_path)
    text = path.read_text()
    begin = text.index("# What the system itself keeps")
    block = text[begin : text.index("\n\n", begin)].splitlines()[1:]
    assert load_config(path).slas  # with the signs # in place
    for policy in sorted({line for line in block if line.startswith("# policy")}):
        assert policy.startswith('# policy = "')
    path.write_text(text.replace("\n".join(block), "\n".join(line[2:] for line in block)))
    config = load_config(path)
    assert len(config.calendars) >= 1
    assert any(s.clock == "business" for s in config.slas)


def test_without_the_tables_nothing_is_proposed_and_bad_hours_are_named():
    said = []
    never = StatedCalendar("Never", "UTC", {"mon": ["9 to 5"]})
    lines = propose_settings("zammad", [never], [StatedPromise("p", "resolution", 60.0, "never")], said)
    assert lines == ()
    assert said[0].startswith("zammad: the calendar 'Never' cannot be used")
    assert propose_settings("zammad", [], [], []) == ()
