"""What people are called, where they live and how they are reached: read only where a canonical column needs it."""

import json
import shutil

import chatwoot_desk
import glpi_desk
import osticket_desk
import pandas as pd
import pytest
import zammad_desk
from deskcast.features.sources.load import ADAPTERS, SYSTEMS, load_source
from deskcast.features.sources.spec import SourceSpec
from export_stories import FIXTURES
from helpdesk_dumps import write_dumps

SECRET = "SECRET Private Person, Private street 1, 555-0100"
#: Columns that an export may hold beside those that are needed; a table that has one of them keeps its own.
PRIVATE = (
    "displayName", "emailAddress", "email", "phone", "mobile", "fax", "address", "street", "city_of_birth", "subject",
    "title", "body", "description", "comment", "notes", "content", "requester_name", "contact_phone", "poster",
    "close_notes", "short_description", "SuppliedName", "SuppliedEmail", "SuppliedPhone", "TextBody", "signature",
)  # fmt: skip
DESKS = {"zammad": zammad_desk, "chatwoot": chatwoot_desk, "glpi": glpi_desk, "osticket": osticket_desk}
FILES = {
    "freshdesk": {
        "tickets": [{"id": 1, "created_at": "2024-03-04T09:00:00Z", "updated_at": "2024-03-05T09:00:00Z", "status": 2,
                     "due_by": "2024-03-05T09:00:00Z", "fr_due_by": "2024-03-04T11:00:00Z", "requester_id": 9}],
        "conversations": [{"id": 1, "ticket_id": 1, "incoming": True, "private": False, "user_id": 9,
                           "created_at": "2024-03-04T09:00:00Z"}],
    },
    "dynamics": {
        "incidents": [{"incidentid": "a", "ticketnumber": "CAS-1", "createdon": "2024-03-04T09:00:00Z", "statecode": 0,
                       "prioritycode": 1, "caseorigincode": 1}],
        "emails": [{"_regardingobjectid_value": "a", "directioncode": True, "senton": "2024-03-04T10:00:00Z",
                    "activityid": "m"}],
    },
}  # fmt: skip
#: Adapters of one table: the columns that each needs.
TABLES = {
    "table": ("created_at,closed_at\n2024-03-04 09:00,2024-03-04 10:00\n", "cases",
              {"created_at": "created_at", "closed_at": "closed_at"}),
    "survey": ("answered,csat\n2024-03-04 09:00,4\n", "surveys", {"offered_at": "answered", "csat": "csat"}),
    "queue_log": ("1709539200|1.1|support|NONE|ENTERQUEUE||555|1\n1709539210|1.1|support|SIP/7|CONNECT|10|1.2|3\n",
                  "contacts", {}),
}  # fmt: skip


def with_private_columns(value):
    """Return records with a private text in every further column, in whatever depth they stand."""
    if isinstance(value, list):
        return [with_private_columns(one) for one in value]
    if not isinstance(value, dict):
        return value
    whole = {key: with_private_columns(one) for key, one in value.items()}
    lists_only = bool(whole) and all(isinstance(one, (list, str, int)) for one in whole.values()) and any(
        isinstance(one, list) and one and isinstance(one[0], dict) for one in whole.values()
    ) and "id" not in whole  # fmt: skip
    return whole if lists_only else {**{name: SECRET for name in PRIVATE if name not in whole}, **whole}


def fill(folder):
    """Add the private columns to every file of a folder, and write over what is private already."""
    for file in folder.iterdir():
        if file.suffix == ".csv":
            frame = pd.read_csv(file, dtype="str")
            fresh = {name: SECRET for name in PRIVATE if name not in frame and frame.columns.size > 2}
            own = {name: SECRET for name in frame.columns if name in ("poster", "body", "content", "title")}
            frame.assign(**fresh, **own).to_csv(file, index=False)
        elif file.suffix == ".json":
            file.write_text(json.dumps(with_private_columns(json.loads(file.read_text()))))
    return folder


def find_secrets(loaded):
    frames = {**loaded.tables, "rejected": loaded.rejected}
    found = [f"{name}.{c}" for name, frame in frames.items() for c in frame.columns
             if frame[c].astype("str").str.contains("SECRET|[Pp]rivate").any()]  # fmt: skip
    return found + [text for text in (*loaded.notes, *loaded.stated) if "SECRET" in text or "rivate" in text]


@pytest.mark.parametrize("kind", SYSTEMS)
def test_no_system_hands_on_what_is_private(tmp_path, kind):
    if kind in DESKS:
        rows = DESKS[kind].make_rows(**({"audited": True} if kind == "chatwoot" else {}))
        folder = write_dumps(DESKS[kind].DDL, rows, tmp_path) / "csv"
    elif kind in FILES:
        folder = tmp_path / "files"
        folder.mkdir()
        for name, rows in FILES[kind].items():
            (folder / f"{name}.json").write_text(json.dumps(rows))
    else:
        folder = shutil.copytree(FIXTURES / kind, tmp_path / "files")
    before = load_source(SourceSpec("cases", str(folder), kind=kind))
    loaded = load_source(SourceSpec("cases", str(fill(folder)), kind=kind))
    assert find_secrets(loaded) == []
    for name, table in before.tables.items():  # and nothing is lost for it
        pd.testing.assert_frame_equal(loaded.tables[name], table)


@pytest.mark.parametrize("kind", [k for k in ADAPTERS if k not in SYSTEMS and k in TABLES])
def test_no_adapter_of_one_table_hands_on_what_is_private(tmp_path, kind):
    text, table, columns = TABLES[kind]
    (tmp_path / "file.csv").write_text(text)
    if columns:
        frame = pd.read_csv(tmp_path / "file.csv", dtype="str")
        frame.assign(**dict.fromkeys(PRIVATE, SECRET)).to_csv(tmp_path / "file.csv", index=False)
    loaded = load_source(SourceSpec(table, "file.csv", kind=kind, columns=columns), tmp_path)
    assert find_secrets(loaded) == []


@pytest.mark.parametrize("kind", [k for k in SYSTEMS if k in DESKS])
def test_of_a_database_only_the_columns_that_are_named_are_kept(kind):
    for part in SYSTEMS[kind].parts:
        assert part.named_only
        names = {n for several in part.columns.values() for n in several}
        assert not names & {"email", "phone", "firstname", "lastname", "login", "address", "body", "subject", "content",
                            "title", "poster", "ip_address"}  # fmt: skip
