"""The page: the newest results, read only, nothing from elsewhere, and plain words for what is not there."""

import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.pipelines.commands.serve import serve_page
from deskcast.pipelines.pages.web import make_app, serve
from deskcast.pipelines.pages.web.access.hashes import hash_token
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.results import replace_folder, write_stages
from fastapi.testclient import TestClient


def write(folder, stages):
    with replace_folder(folder) as staging:
        write_stages(stages, staging, version="0.1.0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, stages):
    place = tmp_path_factory.mktemp("desk") / "results"
    (place.parent / "secret.csv").write_text("secret")
    write(place, stages)
    return place


@pytest.fixture(scope="module")
def client(folder):
    return TestClient(make_app(folder))


def test_the_report_is_there_and_its_former_address_leads_to_it(client, folder):
    answer = client.get("/report")
    assert answer.status_code == 200
    assert "Next week 1,912 cases are expected" in answer.text
    assert folder.parent.name in answer.text
    assert len(answer.content) < 200_000
    assert "<script" not in answer.text
    assert '<a href="/tables/staffing">' in answer.text
    moved = client.get("/?full=true")
    assert moved.url.path == "/report"
    assert moved.text.count("<svg") > answer.text.count("<svg") == client.get("/report").text.count("<svg")


def test_no_page_leads_elsewhere_and_the_browser_is_told_so(client):
    for path in ("/", "/report", "/tables", "/tables/risk", "/nothing", "/api/findings", "/tables/risk.csv"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        if answer.headers["content-type"].startswith("text/html"):
            links = re.findall(r'(?:href|src|action)="([^"]*)"', answer.text)
            assert all(link.startswith(("/", "#", "?")) and not link.startswith("//") for link in links)
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404


def test_tables_are_listed_paged_and_filtered(client):
    listed = client.get("/tables").text
    assert '<a href="/tables/staffing">' in listed
    first, last = client.get("/tables/staffing").text, client.get("/tables/staffing?page=99").text
    assert "200 rows" in first
    assert "page 1 of 2" in first
    assert "Next" in first
    assert "Previous" not in first
    assert "page 2 of 2" in last
    assert first.count("<tr>") == last.count("<tr>") == 101
    found = client.get("/tables/risk", params={"q": "inc00007 SECOND"}).text
    assert "1 rows with" in found
    assert "INC00007" in found
    assert "No rows" in client.get("/tables/risk?q=nobody").text
    assert "page 1 of" in client.get("/tables/risk?page=x").text


def test_values_and_queries_cannot_become_markup(client):
    bad = "<script>alert(1)</script>"
    for path in ("/", "/tables/risk", f"/tables/risk?q={bad}", f"/tables/{bad}", f"/{bad}"):
        assert bad not in client.get(path).text, path


def test_tables_as_csv_and_json(client, stages):
    risk = next(s for s in stages if s.name == "risk").tables["risk"]
    answer = client.get("/tables/risk.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines()[0] == ",".join(risk.columns)
    assert len(answer.text.splitlines()) == len(risk) + 1
    assert len(client.get("/tables/risk.csv?q=INC00007").text.splitlines()) == 2
    body = client.get("/api/tables/risk?limit=2&offset=1").json()
    assert (body["total"], body["offset"], len(body["rows"])) == (len(risk), 1, 2)
    assert body["rows"][0]["case_id"] == "INC00001"
    assert body["rows"][0]["reason_3"] is None
    assert body["rows"][0]["due_at"].endswith("+00:00")
    assert client.get("/api/tables/risk?limit=0").status_code == 422
    assert client.get("/api/tables/risk?offset=1000000").json()["rows"] == []


def test_findings_and_health(client):
    body = client.get("/api/findings").json()
    assert body["stages"][0]["name"] == "check"
    assert client.get("/health").json() == {"status": "ok", "results": body["made_at"]}


def test_what_is_not_there_is_said_in_plain_words(client):
    answer = client.get("/tables/rsk")
    assert answer.status_code == 404
    assert "unknown result table" in answer.text
    assert "did you mean" in answer.text
    assert "unknown result table" in client.get("/api/tables/rsk").json()["detail"]
    assert client.get("/api/tables/rsk").status_code == 404
    assert "unknown page" in client.get("/elsewhere").text


@pytest.mark.parametrize(
    "name", ["../secret", "..%2fsecret", "%2e%2e/secret", "....//secret", "/etc/passwd", "%00", "."]
)
def test_no_other_file_can_be_had(client, name):
    for path in (f"/tables/{name}", f"/tables/{name}.csv", f"/api/tables/{name}", f"/assets/{name}"):
        answer = client.get(path)
        assert answer.status_code in (404, 200)
        assert "root:" not in answer.text
        assert answer.text.strip() != "secret"
        if answer.status_code == 200:
            assert answer.url.path in ("/tables", "/tables/", "/")


def test_it_is_read_only(client):
    for verb in ("post", "put", "delete", "patch"):
        assert getattr(client, verb)("/tables/risk").status_code == 405


def test_before_the_first_run_the_page_says_so_and_then_shows_each_new_run(tmp_path):
    folder = tmp_path / "results"
    client = TestClient(make_app(folder))
    before = client.get("/")
    assert before.status_code == 200
    assert "No results yet" in before.text
    assert "deskcast run" in before.text
    assert client.get("/health").json() == {"status": "ok", "results": None}
    assert client.get("/api/findings").status_code == 404
    assert client.get("/tables").status_code == 404
    for run in (1, 2):
        write(folder, [Stage("watch", {"detections": pd.DataFrame({"run": [run]})}, (f"This is run {run}.",))])
        assert f"This is run {run}." in client.get("/").text
        assert client.get("/api/tables/shifts").json()["rows"] == [{"run": run}]


def test_an_address_that_is_taken_is_said_before_anything_is_promised(tmp_path):
    promised = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"127.0.0.1:{port}: the page cannot be served here: address already"):
            serve(make_app(tmp_path), "127.0.0.1", port, lambda: promised.append(port))
    assert promised == []


@pytest.mark.parametrize(
    ("host", "good", "bad"),
    [
        ("127.0.0.1", ["localhost", "LOCALHOST:8765", "127.0.0.1:8765", "[::1]:80", "localhost."], ["192.168.1.7"]),
        ("::1", ["[::1]:8765", "localhost"], ["[2001:db8::1]", "::1"]),
        ("desk.local", ["desk.local:8765", "Desk.Local", "127.0.0.1"], ["desk.local.evil.example", "xdesk.local"]),
        ("192.168.1.7", ["192.168.1.7:8765", "localhost"], ["192.168.1.8", "192.168.1.7.evil.example"]),
        ("0.0.0.0", ["192.168.1.7:8765", "localhost:1", socket.gethostname()], ["localhost.evil.example"]),
    ],
)
def test_only_loopback_names_and_the_given_host_are_answered(folder, host, good, bad):
    client = TestClient(make_app(folder, host=host))
    for name in good:
        assert client.get("/health", headers={"Host": name}).status_code == 200, name
    for name in (
        *bad,
        "evil.example",
        "evil.example:8765",
        "localhost@evil.example",
        "127.0.0.1.evil.example",
        "",
        "a b",
    ):
        for path in ("/", "/tables/risk.csv", "/api/findings", "/assets/vega.js", "/nothing"):
            answer = client.get(path, headers={"Host": name})
            assert answer.status_code == 400, (name, path)
            assert "content-security-policy" in answer.headers
            assert len(answer.content) < 100


def test_a_csv_from_the_page_holds_no_formula(tmp_path):
    write(tmp_path / "results", [Stage("risk", {"risk": pd.DataFrame({"case_id": ["=1+1", "C-1"]})})])
    text = TestClient(make_app(tmp_path / "results")).get("/tables/risk.csv").text
    assert text.splitlines() == ["case_id", "'=1+1", "C-1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_serve_refuses_other_names_and_warns_where_others_can_read(folder, host):
    (folder.parent / "cases.csv").write_text("case_id,created_at\n1,2024-03-01 09:00\n")
    auth = f"""
[serve]
auth = "token"
[[user]]
name = "ann"
token = "{hash_token("t")}"
""" * (host == "0.0.0.0")
    (folder.parent / "deskcast.toml").write_text(f'[source.cases]\npath = "cases.csv"\n{auth}')
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [Path(sys.executable).parent / "deskcast", "serve", "--host", host, "--port", str(port)]
    with subprocess.Popen(command, cwd=folder.parent, stdout=-1, stderr=-1, text=True) as server:
        try:
            assert str(port) in ask(port, "localhost", server)
            asked = {name: ask(port, name, server).split()[1] for name in ("localhost", "evil.example")}
        finally:
            server.terminate()
            said = server.communicate(timeout=30)[1]
    assert asked == {"localhost": "200", "evil.example": "400"}
    assert ("nothing is encrypted" in said) == (host == "0.0.0.0")


@pytest.mark.parametrize(
    ("auth", "words"), [("none", "could read cases and names"), ("password", "no user has a password")]
)
def test_serve_refuses_to_show_the_page_to_others_who_need_not_sign_on(tmp_path, auth, words):
    config = tmp_path / "deskcast.toml"
    config.write_text(f'[source.cases]\npath = "cases.csv"\n[serve]\nauth = "{auth}"\n')
    with pytest.raises(InputError, match=words):
        serve_page(config, "0.0.0.0", None)


def ask(port, name, server, patience=60.0):
    """Send a plain request as soon as somebody listens, and return the head of the answer."""
    end = time.monotonic() + patience
    while time.monotonic() < end and server.poll() is None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=30) as line:
            line.sendall(f"GET /health HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n".encode())
            return line.makefile().readline() + f" {port}"
        time.sleep(0.1)
    raise AssertionError("nobody answers")
