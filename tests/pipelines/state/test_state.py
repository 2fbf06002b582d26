"""The state: whole or not at all, one writer at a time, versions forward, old files read in once, issued once."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import BusyError, InputError
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.state_place import StatePlace
from deskcast.pipelines.state import database, migrations
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.flags import read_flagged
from deskcast.pipelines.state.issue import Issue, drop_expired, find_last_issued_at, issue_rows
from deskcast.pipelines.state.issued import read_issued, read_issues
from deskcast.pipelines.state.records import add_record, read_records, read_saved
from deskcast.pipelines.store.flagged_cases import read_flags, save_flags
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

NIGHT = pd.Timestamp("2024-03-04T00:00Z")


@pytest.fixture
def place(tmp_path):
    return StatePlace(tmp_path / "results")


@pytest.fixture(params=["sqlite", "postgres"])
def either(request, tmp_path):
    """The state in a file, and in a schema of its own on a real PostgreSQL server."""
    if request.param == "sqlite":
        return StatePlace(tmp_path / "results")
    uri = request.getfixturevalue("postgres_uri")
    import psycopg

    name = f"state_{abs(hash(tmp_path)) % 10**9}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return StatePlace(tmp_path / "results", f"{uri}{'&' if '?' in uri else '?'}options=-csearch_path%3D{name}")


def issue(kind="risk", scope="resolution", at=NIGHT, **settings):
    return Issue(kind, scope, at, at, at + pd.Timedelta("1h"), "mean", settings)


def forecasts(series=("phone", "mail"), days=3, levels=(80, 95), seed=0):
    dice = np.random.default_rng(seed)
    dates = pd.date_range("2024-03-04", periods=days)
    table = pd.DataFrame([(name, day) for name in series for day in dates], columns=["unique_id", "ds"])
    for column in ("deskcast", "seasonal_naive"):
        table[column] = dice.uniform(5, 50, len(table))
    for level in levels:
        table[f"deskcast-lo-{level}"] = table["deskcast"] - level / 20
        table[f"deskcast-hi-{level}"] = table["deskcast"] + level / 20
    return table


def risks(**more):
    table = {"case_id": ["c1", "c2"], "probability": [0.75, 0.125], "work_first": [True, False]}
    return pd.DataFrame(table | {"action": ["call", None], "expected_benefit": [0.5, np.nan]} | more)


def test_everything_that_is_issued_comes_back_with_its_instant_and_model(either):
    slots = pd.date_range("2024-03-04", periods=4, freq="30min")
    staffing = pd.DataFrame({"ds": slots, "calls": [0.0, 2.5, 3.0, np.nan], "agents": [0, 2, 2, 1], "aht_s": 300.0})
    goals = pd.DataFrame({"name": ["g"], "kpi": "csat", "better": "higher", "target": 0.8, "probability": 0.25,
                          "start": pd.Timestamp("2024-03-01"), "end": pd.Timestamp("2024-03-31")})  # fmt: skip
    alerts = pd.DataFrame({"alert_id": ["a-1"], "kpi": "csat", "state": "new", "news": "opened", "z": -4.0})
    given = {"forecast": forecasts(), "staffing": staffing, "risk": risks(), "goal": goals, "alert": alerts}
    with change_state(either) as state:
        for kind, rows in given.items():
            assert issue_rows(state, issue(kind, f"scope of {kind}"), rows)
    with read_state(either) as state:
        for kind, rows in given.items():
            found = read_issued(state, kind)
            assert (found["as_of"] == NIGHT).all()
            assert (found["made_at"] == NIGHT + pd.Timedelta("1h")).all()
            assert set(found["model"]) == {"mean"}
            order = ["unique_id", "ds"] if kind == "forecast" else list(rows.columns[:1])
            found, rows = (f.sort_values(order, ignore_index=True) for f in (found, rows))
            for column in [c for c in rows.columns if c not in ("start", "end")]:
                if pd.api.types.is_numeric_dtype(rows[column]):
                    np.testing.assert_allclose(found[column].astype(float), rows[column].astype(float), rtol=1e-6)
                else:
                    assert found[column].fillna("-").tolist() == rows[column].fillna("-").tolist(), column
        assert read_issued(state, "forecast")["step"].tolist() == [1, 2, 3, 1, 2, 3]
        assert len(read_issued(state, "risk", until=NIGHT - pd.Timedelta("1s"))) == 0
        assert find_last_issued_at(state) == NIGHT


def test_the_same_instant_again_and_an_earlier_one_issue_nothing(either):
    with change_state(either) as state:
        assert issue_rows(state, issue(), risks())
        assert not issue_rows(state, issue(), risks(probability=[0.1, 0.1]))
        assert not issue_rows(state, issue(at=NIGHT - pd.Timedelta("1D")), risks())  # a log, or a clock, set back
        assert issue_rows(state, issue(scope="first_response"), risks())  # of something else at the same instant
        assert issue_rows(state, issue(at=NIGHT + pd.Timedelta("1D")), risks(probability=[0.25, 0.5]))
    with read_state(either) as state:
        found = read_issued(state, "risk")
        kept = found[(found["scope"] == "resolution") & (found["as_of"] == NIGHT)]
        assert kept["probability"].tolist() == [0.75, 0.125]
        assert len(read_issues(state)) == 3


@settings(max_examples=12)
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from([(80,), (80, 95), (50, 90)])), min_size=1, max_size=8))
def test_whatever_the_order_of_nights_each_instant_is_issued_once_and_none_after_a_later_one(nights):
    from sqlalchemy import create_engine

    with create_engine("sqlite://").begin() as state:
        migrations.bring_up_to_date(state)
        wanted, last = {}, -1
        for day, levels in nights:
            table = forecasts(levels=levels, seed=day)
            done = issue_rows(state, issue("forecast", "x", NIGHT + pd.Timedelta(days=day)), table)
            assert done == (day > last)
            if done:
                wanted[day], last = table, day
        found = read_issued(state, "forecast")
        assert found["as_of"].nunique() == len(wanted)
        for day, table in wanted.items():
            rows = found[found["as_of"] == NIGHT + pd.Timedelta(days=day)].sort_values("unique_id", kind="stable")
            for column in [c for c in table.columns if c.startswith("deskcast")]:
                expected = table.sort_values("unique_id", kind="stable")[column]
                np.testing.assert_allclose(rows[column], expected, rtol=1e-6)


def test_what_is_older_than_it_is_kept_goes_with_its_rows(place):
    with change_state(place) as state:
        for day in (0, 50, 100):
            issue_rows(state, issue(at=NIGHT + pd.Timedelta(days=day)), risks())
        assert drop_expired(state, keep_days=60) == 1
        assert len(read_issued(state, "risk")) == 4
        assert state.execute(text("SELECT count(*) FROM issued_risks")).scalar() == 4


def test_a_change_is_whole_or_absent_and_an_inner_one_is_part_of_it(either):
    def change():
        with change_state(either) as state:
            issue_rows(state, issue(), risks())
            save_flags(either, risks().assign(metric="resolution"), NIGHT)  # its own change joins
            assert len(read_flags(either, "resolution")) == 1
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        change()
    with read_state(either) as state:
        assert find_last_issued_at(state) is None
    assert read_flags(either, "resolution").empty


def test_one_writer_at_a_time_and_the_other_is_told_so_with_exit_code_3(place, monkeypatch):
    code = (
        "import sys; from pathlib import Path; from deskcast.pipelines.state import database as d\n"
        "d.LOCK_TIMEOUT_S = 0.2\n"
        "from deskcast.pipelines.commands.exit_codes import end_with_exit_code\n"
        "def work():\n"
        "    with d.change_state(Path(sys.argv[1])): pass\n"
        "end_with_exit_code(work)"
    )
    with change_state(place) as state:
        add_record(state, "notes", by="ann", kind="alert", subject="a", text="mine")
        done = subprocess.run(
            [sys.executable, "-c", code, str(place.results)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 3
        assert "another process is writing the state" in done.stderr
        assert done.stderr.count("\n") == 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "_WRITING", database.ContextVar("elsewhere", default=None))
            with read_state(place) as reader:  # a reader waits for nobody and sees what was there before
                assert read_records(reader, "notes").empty
    again = subprocess.run(
        [sys.executable, "-c", code, str(place.results)], capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr


def test_a_busy_postgres_is_told_so_too(postgres_uri, tmp_path, monkeypatch):
    import psycopg

    monkeypatch.setattr(database, "LOCK_TIMEOUT_S", 0.2)
    there = StatePlace(tmp_path / "results", postgres_uri)
    with psycopg.connect(postgres_uri) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({database._WRITER_LOCK})")
        with pytest.raises(BusyError, match="another process"), change_state(there):
            pass


def test_an_older_schema_is_brought_forward_a_step_a_transaction(place, monkeypatch):
    with change_state(place) as state:
        issue_rows(state, issue(), risks())
    first, second = migrations.CURRENT_VERSION + 1, migrations.CURRENT_VERSION + 2
    steps = {first: lambda state: state.execute(text("ALTER TABLE notes ADD COLUMN team TEXT")),
             second: lambda state: state.execute(text("ALTER TABLE nowhere ADD COLUMN x TEXT"))}  # fmt: skip
    monkeypatch.setattr(migrations, "MIGRATIONS", steps)
    monkeypatch.setattr(migrations, "CURRENT_VERSION", second)
    with pytest.raises(InputError, match="no such table"), read_state(place):
        pass
    monkeypatch.setattr(migrations, "CURRENT_VERSION", first)
    with read_state(place) as state:  # the step before the one that failed is done and stays
        assert migrations.find_version(state) == first
        assert state.execute(text("SELECT team FROM notes")).all() == []
        assert len(read_issued(state, "risk")) == 2
    monkeypatch.undo()
    with pytest.raises(InputError, match="newer deskcast"), read_state(place):
        pass


def test_a_state_without_saved_things_gets_their_table(place):
    with change_state(place) as state:
        issue_rows(state, issue(), risks())
        state.execute(text("DROP TABLE saved"))
        state.execute(text("DELETE FROM schema_version"))
        state.execute(text("INSERT INTO schema_version (version) VALUES (1)"))
    with change_state(place) as state:
        for body in ("{}", '{"team": "A"}', ""):
            add_record(state, "saved", by="ann", kind="view", name=f"mine{not body}", body=body)
        add_record(state, "saved", by="ann", kind="snooze", name="mine", body="{}")
        saved = read_saved(state, "view")
    assert saved[["name", "body"]].to_numpy().tolist() == [["mineFalse", '{"team": "A"}']]
    with read_state(place) as state:
        assert len(read_issued(state, "risk")) == 2


def test_goals_that_were_issued_before_goals_had_segments_are_of_the_whole_desk(place):
    goal = {"name": "a", "kpi": "csat", "better": "higher", "start": NIGHT, "end": NIGHT, "target": 0.8}
    with change_state(place) as state:
        issue_rows(state, issue("goal"), pd.DataFrame([goal]))
        state.execute(text("ALTER TABLE issued_goals DROP COLUMN series"))
        state.execute(text("DELETE FROM schema_version"))
        state.execute(text("INSERT INTO schema_version (version) VALUES (2)"))
    with change_state(place) as state:
        newer = pd.DataFrame([goal | {"series": "region Ireland"}])
        issue_rows(state, issue("goal", at=NIGHT + pd.Timedelta("1D")), newer)
    with read_state(place) as state:
        assert migrations.find_version(state) == 3
        assert read_issued(state, "goal")["series"].tolist() == ["all", "region Ireland"]


def test_files_of_an_earlier_version_are_read_in_once_and_set_aside(place):
    place.folder.mkdir()
    flags = pd.DataFrame({"metric": "resolution", "case_id": ["a", "b"], "at": [NIGHT, NIGHT + pd.Timedelta("1D")]})
    flags.to_parquet(place.folder / "flagged.parquet")
    alerts = {"format": "deskcast alerts 1", "as_of": "2024-03-04T00:00:00", "alerts": [], "detections": {"k": "a-1"}}
    alerts["silences"] = [{"what": "csat", "until": "2024-04-01"}]
    (place.folder / "alerts.json").write_text(json.dumps(alerts))
    assert read_flags(place, "resolution")["case_id"].tolist() == ["a", "b"]
    names = sorted(p.name for p in place.folder.iterdir())
    assert names == ["alerts.json.read-in", "flagged.parquet.read-in", "state.db"]
    (place.folder / "flagged.parquet.read-in").rename(place.folder / "flagged.parquet")  # killed before the renaming
    save_flags(
        place,
        pd.DataFrame({"metric": ["resolution"], "case_id": ["c"], "work_first": [True]}),
        NIGHT + pd.Timedelta("2D"),
    )
    assert read_flags(place, "resolution")["case_id"].tolist() == ["a", "b", "c"]
    assert sorted(p.name for p in place.folder.iterdir()) == names


def test_reading_what_is_not_there_makes_nothing(place):
    assert read_flags(place, "resolution").empty
    with read_state(place) as state:
        assert state is None
        assert len(read_issued(state, "forecast")) == len(read_flagged(state)) == 0
    assert not place.folder.exists()


def test_records_are_kept_and_what_is_unknown_is_refused(either):
    with change_state(either) as state:
        add_record(state, "feedback", by="ann", kind="action", subject="c1", verdict="done")
        add_record(state, "decisions", by="ann", model="breach", decision="promoted", reason="better beyond noise")
        add_record(state, "scenarios", by="ann", name="campaign", body="{}")
        with pytest.raises(InputError, match="unknown verdict"):
            add_record(state, "feedback", by="ann", kind="action", subject="c1", verdict="maybe")
        with pytest.raises(InputError, match="did you mean 'notes'"):
            read_records(state, "note")
    with read_state(either) as state:
        assert read_records(state, "feedback", subject="c1")["verdict"].tolist() == ["done"]
        assert read_records(state, "decisions")["at"].iloc[0].tzinfo is not None


def test_the_place_is_configured_and_a_wrong_address_is_refused():
    raw = {"source": {"cases": {"path": "cases.csv"}}, "state": {"database": "postgresql://desk", "keep": "30d"}}
    config = parse_config(raw, folder=Path("desk"))
    assert config.state_place == StatePlace(Path("desk/results"), "postgresql://desk", 30.0, "desk")
    with pytest.raises(InputError, match=r"\[state\]: key 'database'.*PostgreSQL"):
        parse_config(raw | {"state": {"database": "mysql://desk"}}, folder=Path("desk"))
    with pytest.raises(InputError, match="did you mean 'database'"):
        parse_config(raw | {"state": {"databse": "x"}}, folder=Path("desk"))


FULL_DISK = """
import os, resource, signal, sys
from pathlib import Path
import pandas as pd
from deskcast.features.errors import InputError
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.issue import Issue, issue_rows
from deskcast.pipelines.state.issued import read_issues
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
place, at = Path(sys.argv[1]), pd.Timestamp("2024-03-04T00:00Z")
rows = pd.DataFrame({"case_id": [f"c{i}" for i in range(2000)], "probability": 0.5, "work_first": False})
def work(night):
    with change_state(place) as state:
        for scope in ("a", "b"):
            issue_rows(state, Issue("risk", scope, night, night, night, "m"), rows)
work(at)
for limit in range(0, 40):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit * 7000, resource.RLIM_INFINITY))
            work(at + pd.Timedelta(days=1))
            code = 0
        except InputError as error:
            code = 17 if "disk is full" in str(error) else 1
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with read_state(place) as state:
        print(limit, code, len(read_issues(state)), flush=True)
    if code == 0:
        break
"""


def test_a_disk_that_is_full_at_any_byte_leaves_the_state_as_it_was(place):
    done = subprocess.run([sys.executable, "-c", FULL_DISK, place.results], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(found) > 5
    assert found[-1][1:] == (0, 4)
    assert {one[1:] for one in found[:-1]} == {(17, 2)}


def test_alerts_that_are_neither_news_nor_open_are_not_issued(place, made_up):
    from types import SimpleNamespace

    from deskcast.pipelines.stages.issuing import issue_stages
    from deskcast.pipelines.words.instants import Instants

    config = parse_config({"source": {"cases": {"path": "cases.csv"}}}, folder=place.results.parent)
    project = SimpleNamespace(config=config, is_look_back=False, log=SimpleNamespace(has=lambda *_: True))
    stages = {stage.name: stage for stage in made_up(days=20, series=("phone/north",))}
    quiet = pd.DataFrame({"alert_id": ["a", "b"], "state": ["back to normal", "continuing"], "news": ["", None]})
    for night, rows in enumerate((quiet.head(1), quiet)):
        stages["watch"] = stages["watch"].__class__("watch", {"kpi_alerts": rows})
        at = NIGHT + pd.Timedelta(days=night)
        with change_state(place) as state:
            written = issue_stages(state, project, list(stages.values()), Instants.now(at, at))
        assert written.get("alert", 0) == night
        assert written["forecast"] == 28
    with read_state(place) as state:
        assert read_issued(state, "alert")["alert_id"].tolist() == ["b"]
        assert read_issued(state, "staffing")["scope"].unique().tolist() == ["phone", "chat"]
    look_back = SimpleNamespace(config=config, is_look_back=True)
    with change_state(place) as state:
        assert issue_stages(state, look_back, list(stages.values()), Instants.now(at, at)) == {}
