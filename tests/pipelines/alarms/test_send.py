"""Alarms arrive once: servers that refuse, keep silent, hang up, or are away for a night; kills between two steps."""

import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from alarm_servers import mail_server, web_server
from deskcast.pipelines.alarms import channels, outbox, send
from deskcast.pipelines.alarms.choose import Alarm
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.records import read_records
from deskcast.pipelines.words.instants import Instants
from sqlalchemy import create_engine, make_url

NOW = pd.Timestamp("2024-03-04T06:00Z")
ALARM = Alarm("failed", "w10 abc", "Run failed: staff", (".staff failed: no calls.", "."), {"what": "staff"})


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(channels, "TIMEOUT_S", 0.3)
    for call in (channels.run_command, channels.post_webhook, channels.send_mail):
        values = tuple(0.3 if value == 30.0 else value for value in call.__defaults__)
        monkeypatch.setattr(call, "__defaults__", values)


def config_of(folder, **alarm):
    raw = {"source": {"cases": {"path": "cases.csv"}}, "alarm": [{"on": "failed", **alarm}]}
    mail = alarm.pop("server", {})
    raw["alarm"] = [{"on": "failed", **alarm}]
    return parse_config(raw | ({"mail": mail} if mail else {}), folder=folder)


def queue(config, *alarms):
    instants = Instants(NOW, NOW, datetime(2024, 3, 4, 6, tzinfo=UTC))
    with change_state(config.state_place) as state:
        return outbox.add_alarms(state, config.alarms[0], alarms or [ALARM], instants, url="https://desk.example")


def deliver(config, at=NOW, **more):
    return [(one.end, one.error) for one in send.send_waiting(config, clock=lambda: at, **more)]


def state_of(config):
    with read_state(config.state_place) as state:
        return len(outbox.read_waiting(state)), read_records(state, "alarms_sent")["error"].tolist()


def test_a_mail_arrives_whole_and_once_with_the_report(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "report.html").write_text("<p>the report</p>")
    with mail_server() as server:
        config = config_of(tmp_path, mail=["a@x.org", "b@x.org"], attach=True, server={"port": server.port})
        assert queue(config) == 2
        assert queue(config) == 0  # the same again
        assert deliver(config) == [("sent", ""), ("sent", "")]
        assert deliver(config) == []
        assert queue(config) == 0  # what was sent is not put there again
    assert [to for to, _ in server.mails] == ["a@x.org", "b@x.org"]
    text = server.mails[0][1]
    assert "Subject: Run failed: staff" in text
    assert "\r\n.staff failed: no calls.\r\n.\r\n" in text  # lines that begin with a full stop are as they were
    assert "report.html" in text
    assert state_of(config) == (0, ["", ""])


@pytest.mark.parametrize("fail", ["greeting", "hang up", "a@x.org"])
def test_a_mail_server_that_fails_for_a_night_gets_it_the_next(tmp_path, fail):
    with mail_server() as server:
        server.fail = fail
        config = config_of(tmp_path, mail=["a@x.org", "b@x.org"], server={"port": server.port})
        queue(config)
        ends = [end for end, _ in deliver(config)]
        assert ends == (["waits", "sent"] if fail == "a@x.org" else ["waits", "waits"])
        server.fail = ""
        assert deliver(config, NOW + pd.Timedelta("1min")) == []  # not yet
        rest = ends.count("waits")
        assert deliver(config, NOW + pd.Timedelta("1D")) == [("sent", "")] * rest
    assert sorted(to for to, _ in server.mails) == ["a@x.org", "b@x.org"]


def test_a_mail_server_that_is_away_loses_nothing(tmp_path):
    with mail_server() as server:
        port = server.port
    config = config_of(tmp_path, mail=["a@x.org"], server={"port": port})
    queue(config)
    ((end, error),) = deliver(config)
    assert (end, "refused" in error) == ("waits", True)
    assert state_of(config) == (1, [])
    ((end, error),) = deliver(config, NOW + pd.Timedelta("8D"))
    assert end == "given up"
    assert state_of(config)[1][0].startswith("given up: ")


def test_what_was_handed_over_without_an_answer_is_not_sent_again(tmp_path):
    with mail_server() as mails, web_server() as web:
        mails.fail = web.fail = "silent"
        for config in (
            config_of(tmp_path / "a", mail=["a@x.org"], server={"port": mails.port}),
            config_of(tmp_path / "b", webhook=web.url),
        ):
            queue(config)
            ((end, error),) = deliver(config)
            assert (end, error.startswith(outbox.UNKNOWN)) == ("unknown", True)
            assert deliver(config, NOW + pd.Timedelta("1D")) == []
            assert state_of(config)[0] == 0
        assert len(mails.mails) == 1


@pytest.mark.parametrize(
    ("fail", "end"), [("500", "waits"), ("404", "waits"), ("302", "waits"), ("hang up", "unknown")]
)
def test_a_webhook_is_tried_again_with_the_same_key_only_where_it_answered(tmp_path, monkeypatch, fail, end):
    monkeypatch.setenv("HOOK", "")
    with web_server() as server:
        monkeypatch.setenv("HOOK", server.url)
        monkeypatch.setenv("TOKEN", "s3cret")
        config = config_of(tmp_path, webhook="$HOOK", token_env="TOKEN")
        server.fail = fail
        queue(config)
        assert [e for e, _ in deliver(config)] == [end]
        server.fail = ""
        again = deliver(config, NOW + pd.Timedelta("1D"))
        assert again == ([("sent", "")] if end == "waits" else [])
        if end == "waits":
            headers, body = server.posts[0]
            assert headers["Authorization"] == "Bearer s3cret"
            assert len(headers["Idempotency-Key"]) == 32
            assert json.loads(body)["figures"] == {"what": "staff"}
    whole = b"".join(p.read_bytes() for p in (tmp_path / "results-state").iterdir())
    assert b"s3cret" not in whole
    assert server.url.encode() not in whole


def test_a_variable_that_is_not_set_is_named_and_the_alarm_waits(tmp_path, monkeypatch):
    monkeypatch.delenv("HOOK", raising=False)
    config = config_of(tmp_path, webhook="$HOOK")
    queue(config)
    assert deliver(config) == [("waits", "the environment variable HOOK is not set")]


def test_a_password_goes_to_the_server_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    with mail_server() as server:
        mail = {"port": server.port, "user": "desk", "password_env": "MAIL_PASSWORD"}
        config = config_of(tmp_path, mail=["a@x.org"], server=mail)
        server.fail = "login"
        queue(config)
        ((end, error),) = deliver(config)
        assert (end, "s3cret" in error) == ("waits", False)
        server.fail = ""
        assert deliver(config, all_due=True) == [("sent", "")]
        assert len(server.logins) == 2
    assert b"s3cret" not in b"".join(p.read_bytes() for p in (tmp_path / "results-state").iterdir())


@pytest.mark.parametrize(
    ("program", "end"),
    [("pass", "sent"), ("raise SystemExit(3)", "waits"), ("import time; time.sleep(2)", "unknown")],
)
def test_a_command_gets_the_alarm_as_json_and_its_key(tmp_path, program, end):
    script = tmp_path / "tell.py"
    script.write_text(
        "import json, os, pathlib, sys\n"
        "pathlib.Path('told.json').write_text(sys.stdin.read() + os.environ['DESKCAST_ALARM_KEY'])\n"
        f"{program}\n"
    )
    config = config_of(tmp_path, command=f"{sys.executable} -S tell.py")
    queue(config)
    with_time = 5.0 if end != "unknown" else 0.3
    channels.run_command.__defaults__ = (with_time,)
    assert [e for e, _ in deliver(config)] == [end]
    assert json.loads((tmp_path / "told.json").read_text()[:-32])["subject"] == "Run failed: staff"
    channels.run_command.__defaults__ = (30.0,)


def test_a_file_gets_a_line_once_even_after_a_kill_between_writing_and_noting(tmp_path, monkeypatch):
    config = config_of(tmp_path, file="told/alarms.jsonl")
    queue(config)
    path = tmp_path / "told" / "alarms.jsonl"
    path.parent.mkdir()
    path.write_text('{"key": "half a li')
    (one,) = outbox_of(config)
    key = send.delivery_key(config, one)
    with change_state(config.state_place) as state:
        assert outbox.claim(state, one, NOW)
    channels.append_line(path, dict(one.body), key)  # and killed here
    assert deliver(config, NOW + pd.Timedelta("1D")) == [("sent", "")]
    lines = path.read_text().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[1])["id"] == key


def outbox_of(config):
    with read_state(config.state_place) as state:
        return outbox.read_waiting(state)


@pytest.mark.parametrize("step", ["claim", "send", "note_sent"])
def test_a_kill_at_each_step_neither_loses_an_alarm_nor_sends_it_twice(tmp_path, monkeypatch, step):
    with web_server() as server:
        config = config_of(tmp_path, webhook=server.url)
        queue(config)

        def killed(*_, **__):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            if step == "send":
                patch.setattr(send, "send", lambda *a: (channels.post_webhook(server.url, a[3], a[4]), killed()))
            else:
                patch.setattr(send, step, killed)
            with pytest.raises(KeyboardInterrupt):
                deliver(config)
        sent_before = len(server.posts)
        assert sent_before == (0 if step == "claim" else 1)
        ends = [end for end, _ in deliver(config, NOW + pd.Timedelta("1h"))]
        assert ends == (["sent"] if step == "claim" else ["unknown"])
        assert len(server.posts) == 1
        waiting, noted = state_of(config)
        assert (waiting, len(noted)) == (0, 1)


def test_what_another_process_is_sending_is_left_alone(tmp_path):
    with web_server() as server:
        config = config_of(tmp_path, webhook=server.url)
        queue(config)
        with change_state(config.state_place) as state:
            assert outbox.claim(state, outbox.read_waiting(state)[0], NOW)
            assert not outbox.claim(state, outbox.read_waiting(state)[0], NOW)
        assert deliver(config, NOW + pd.Timedelta("1min")) == []
        assert server.posts == []


def test_quiet_hours_are_waited_for(tmp_path):
    config = config_of(tmp_path, file="alarms.jsonl", quiet="20:00-07:00")
    queue(config)
    assert deliver(config, pd.Timestamp("2024-03-04T06:59Z"), all_due=True) == []
    assert deliver(config, pd.Timestamp("2024-03-04T07:00Z")) == [("sent", "")]


def test_a_receiver_that_is_gone_from_the_configuration_is_named(tmp_path):
    config = config_of(tmp_path, file="alarms.jsonl")
    queue(config)
    other = replace(config, alarms=config_of(tmp_path, file="other.jsonl").alarms)
    ((end, error),) = deliver(other)
    assert (end, "no [[alarm]]" in error) == ("waits", True)
    assert not Path(tmp_path / "other.jsonl").exists()


def test_trials_reach_every_receiver_and_are_not_remembered(tmp_path):
    config = config_of(tmp_path, file="alarms.jsonl", quiet="00:00-23:59")
    assert [one.end for one in send.send_trials(config)] == ["sent"]
    assert json.loads((tmp_path / "alarms.jsonl").read_text())["kind"] == "test"
    assert not config.state_place.file.exists()
    assert "DESKCAST_ALARM_KEY" not in os.environ


def test_the_outbox_is_the_same_in_postgresql_and_forgets_with_the_state(tmp_path, postgres_uri):
    engine = create_engine(make_url(postgres_uri).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA outbox")
    database = f"{postgres_uri}&options=-csearch_path%3Doutbox"
    raw = {"source": {"cases": {"path": "c.csv"}}, "alarm": [{"on": "failed", "file": "told.jsonl"}]}
    config = parse_config(raw | {"state": {"database": database, "desk": "north"}}, folder=tmp_path)
    assert (queue(config), queue(config)) == (1, 0)
    with change_state(config.state_place) as state:
        assert outbox.claim(state, outbox.read_waiting(state)[0], NOW)
    assert deliver(config, NOW + pd.Timedelta("1D")) == [("sent", "")]
    assert queue(config) == 0
    with change_state(config.state_place) as state:
        assert outbox.drop_expired(state, NOW) == 0
        assert outbox.drop_expired(state, NOW + pd.Timedelta("2D")) == 1
    assert state_of(config) == (0, [])
