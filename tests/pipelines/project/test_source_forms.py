"""Sources as a configuration names them: folders, parts, databases, call logs and surveys, from init to the log."""

import re
import shutil
from pathlib import Path

import pandas as pd
import psycopg
import pytest
from deskcast.features import InputError
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.check import check_stage

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"
FORMS = {
    "salesforce": ("salesforce", {"cases": 3}, 8),
    "zendesk": ("zendesk", {"cases": 3, "surveys": 2}, 7),
    "zendesk_fivetran": ("zendesk", {"cases": 3}, 0),
    "zendesk_incremental": ("zendesk", {"cases": 3}, 0),
    "servicenow": ("servicenow", {"cases": 2}, 4),
    "jira": ("jira", {"cases": 2}, 4),
    "jira_csv": ("jira", {"cases": 3}, 0),
    "telephone/calls.csv": ("telephone", {"contacts": 5}, 4),
}


def configure(folder, text):
    (folder / "deskcast.toml").write_text(text)
    return folder / "deskcast.toml"


@pytest.mark.parametrize("form", FORMS)
def test_init_recognises_the_form_and_its_configuration_runs_as_it_is(tmp_path, form):
    kind, counts, refused = FORMS[form]
    path = write_config([FIXTURES / form], tmp_path)
    config = load_config(path)
    assert [s.kind for s in config.sources] == [kind]
    project = open_project(config)
    for table, n in counts.items():
        assert project.log.table(table).count().execute() == n
    assert len(project.rejected) == refused
    assert check_stage(project).findings


def test_files_of_one_system_become_one_source(tmp_path):
    files = [FIXTURES / "zendesk" / n for n in ("audits.json", "tickets.json", "users.json")]
    text = write_config([*files, FIXTURES / "telephone" / "calls.csv"], tmp_path).read_text()
    config = load_config(tmp_path / "deskcast.toml")
    assert sorted(s.kind for s in config.sources) == ["telephone", "zendesk"]
    desk = next(s for s in config.sources if s.kind == "zendesk")
    assert set(desk.parts) == {"tickets", "audits", "users"}
    assert "path = a folder" in text
    assert len(open_project(config).log.frame("contacts")) == 5


def test_comments_beside_a_small_table_of_cases_are_no_cases(tmp_path):
    case, at = "500000000000001AAA", "2024-03-04T{}:00:00.000+0000"
    (tmp_path / "Case.csv").write_text(
        f"Id,CreatedDate,ClosedDate,Status\n{case},{at.format('09')},{at.format('12')},Closed\n"
    )
    (tmp_path / "CaseComment.csv").write_text(
        f"Id,ParentId,CreatedDate,IsPublished,CreatedById\n00a1,{case},{at.format('10')},true,005x\n"
    )
    write_config([tmp_path / "Case.csv", tmp_path / "CaseComment.csv"], tmp_path)
    log = open_project(tmp_path / "deskcast.toml").log
    assert log.frame("cases")["case_id"].tolist() == [case]
    assert log.frame("events").sort_values("seq")["kind"].tolist()[:2] == ["created", "message"]


def test_the_promises_of_the_system_are_configured_as_its_own(tmp_path):
    config = load_config(write_config([FIXTURES / "salesforce"], tmp_path))
    assert [(s.metric, s.clock) for s in config.slas] == [("first_response", "source"), ("resolution_time", "source")]


def test_surveys_for_cases_that_no_source_has_are_counted(tmp_path):
    (tmp_path / "cases.csv").write_text("case_id,created_at\n1,2024-03-01\n2,2024-03-01\n")
    shutil.copy(FIXTURES / "surveys" / "answers.csv", tmp_path)
    project = open_project(
        configure(
            tmp_path, '[source.cases]\npath = "cases.csv"\n[source.csat]\nkind = "survey"\npath = "answers.csv"\n'
        )
    )
    assert set(project.log.frame("surveys")["case_id"]) == {"1", "2"}
    lost = project.rejected[project.rejected["reason"] == "its case is in no source"]
    assert lost["value"].tolist() == ["9", "9"]
    assert "its case is in no source" in " ".join(check_stage(project).findings)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="missing column of times"):
        write_config([tmp_path / "export"], tmp_path)
    with pytest.raises(InputError, match="unknown files: none is recognised as an export of zendesk"):
        open_project(configure(tmp_path, '[source.desk]\nkind = "zendesk"\npath = "export"\n'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[source.desk]\nkind = "zendesk"\n', "missing key"),
        ('[source.desk]\nkind = "zendesc"\npath = "x"\n', "unknown canonical table; got 'desk'"),
        ('[source.cases]\nkind = "zendesc"\npath = "."\n', "did you mean 'zendesk'"),
        ('[source.cases]\npath = "x"\ndatabase = "postgresql://h/d"\n', "either a path or a database"),
        ('[source.cases]\nparts = { a = "x" }\n', "is one table"),
        ('[source.cases]\ndatabse = "postgresql://h/d"\n', "did you mean 'database'"),
    ],
)
def test_what_a_source_cannot_be_is_said(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        open_project(configure(tmp_path, text))


@pytest.fixture(scope="module")
def warehouse(postgres_uri):
    """Copy the replicated tables into a schema of their own, as a replication would."""
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA zendesk")
        for file in sorted((FIXTURES / "zendesk_fivetran").iterdir()):
            text = file.read_text()
            types = {"id": "bigint", "ticket_id": "bigint", "user_id": "bigint", "public": "boolean"}
            types |= dict.fromkeys(
                ("created_at", "updated_at", "updated", "created", "_fivetran_synced"), "timestamptz"
            )
            types |= {"_fivetran_deleted": "boolean", "requester_id": "bigint", "group_id": "bigint"}
            columns = text.splitlines()[0].split(",")
            declared = ", ".join(f'"{c}" {types.get(c, "text")}' for c in columns)
            connection.execute(f'CREATE TABLE zendesk."{file.stem}" ({declared})')
            with (
                connection.cursor() as cursor,
                cursor.copy(f'COPY zendesk."{file.stem}" FROM STDIN CSV HEADER') as copy,
            ):
                copy.write(text)
        connection.execute("CREATE TABLE public.tickets (key int, opened timestamp, closed timestamp, medium text)")
        connection.execute(
            "INSERT INTO public.tickets VALUES (1, '2024-07-01 09:00', '2024-07-02 10:00', 'web'),"
            " (2, '2024-07-03 09:00', null, 'phone'), (2, '2024-07-03 09:00', null, 'phone')"
        )
    return postgres_uri


def test_a_database_gives_what_its_files_give(tmp_path, warehouse):
    database = configure(tmp_path, f'[source.desk]\nkind = "zendesk"\ndatabase = "{warehouse}"\nschema = "zendesk"\n')
    tables = open_project(database).log
    (tmp_path / "files").mkdir()
    files = configure(
        tmp_path / "files", f'[source.desk]\nkind = "zendesk"\npath = "{FIXTURES / "zendesk_fivetran"}"\n'
    )
    other = open_project(files).log
    for name in ("cases", "events"):
        pd.testing.assert_frame_equal(tables.frame(name), other.frame(name))


MAPPED = '[source.cases.columns]\ncase_id = "key"\ncreated_at = "opened"\nclosed_at = "closed"\nchannel = "medium"\n'


@pytest.mark.parametrize(
    "where",
    ['table = "tickets"', 'schema = "public"\ntable = "tickets"', 'query = "SELECT * FROM tickets ORDER BY key"'],
)
def test_a_table_or_a_query_is_read_by_the_free_column_map(tmp_path, warehouse, where):
    text = f'timezone = "Europe/Lisbon"\n[source.cases]\ndatabase = "{warehouse}"\n{where}\n{MAPPED}'
    project = open_project(configure(tmp_path, text))
    cases = project.log.frame("cases")
    assert cases["case_id"].tolist() == ["1", "2"]
    assert cases["created_at"].iloc[0] == pd.Timestamp("2024-07-01T08:00Z")  # without a zone: the desk's clock
    assert project.rejected["reason"].tolist() == ["duplicate case id; the first row was kept"]
    assert warehouse not in " ".join(check_stage(project).findings)


def test_another_row_in_the_database_is_another_fingerprint(tmp_path, warehouse):
    text = f'[source.cases]\ndatabase = "{warehouse}"\ntable = "tickets"\n{MAPPED}'
    path = configure(tmp_path, text)
    first, again = open_project(path).fingerprint, open_project(path).fingerprint
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("INSERT INTO tickets VALUES (3, '2024-07-04 09:00', null, 'web')")
    assert first == again != open_project(path).fingerprint
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("DELETE FROM tickets WHERE key = 3")


def test_a_table_that_is_not_there_is_named_without_the_address(tmp_path, warehouse):
    text = f'[source.cases]\ndatabase = "{warehouse}"\ntable = "ticket"\n{MAPPED}'
    with pytest.raises(InputError, match="did you mean 'tickets'") as caught:
        open_project(configure(tmp_path, text))
    assert "deskcast@" not in str(caught.value)


def test_the_sources_of_the_documentation_can_be_configured(tmp_path):
    text = (FIXTURES.parent.parent / "docs" / "howto" / "your-data.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(\[source.*?)```", text, flags=re.S)
    assert len(blocks) == 2
    kinds = [[(s.kind, s.table) for s in load_config(configure(tmp_path, block)).sources] for block in blocks]
    assert kinds == [
        [("zendesk", "cases"), ("telephone", "contacts"), ("table", "volumes"), ("survey", "surveys")],
        [("zendesk", "cases"), ("jira", "cases"), ("table", "surveys")],
    ]
