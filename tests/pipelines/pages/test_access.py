"""Who may see and do what: on every route, nothing for a stranger, a forged session, another site or a lesser role."""

import json

import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.pages.web.access.access import make_access
from deskcast.pipelines.pages.web.access.hashes import hash_password, hash_token
from deskcast.pipelines.pages.web.access.session import SESSION_COOKIE, User
from deskcast.pipelines.pages.web.frame.forms import read_form
from deskcast.pipelines.project.config import read_section
from deskcast.pipelines.project.page_specs import PageSpec, ServeSpec, UserSpec
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.state.database import read_state
from deskcast.pipelines.state.records import read_records
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from made_up_desk import NASTY, write_desk

PASSWORD = "open sesame now"
SAME_SITE = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
OPEN = ("/sign-in", "/health")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return write_desk(tmp_path_factory.mktemp("access"))


def users(kind):
    roles = [
        ("vera", "viewer", None),
        ("tim", "team lead", "north"),
        ("paula", "planner", None),
        ("ada", "admin", None),
    ]
    secret = {"password": hash_password(PASSWORD, b"0" * 16)} if kind == "password" else {}
    return tuple(
        UserSpec(name, role, team, **(secret or {"token": hash_token(f"token-{name}")})) for name, role, team in roles
    )


def client(results, kind="token", user=None, **more):
    spec = ServeSpec(auth=kind, **more)
    app = make_app(results, access=make_access(spec, users(kind), User("x")), host="desk.example")
    found = TestClient(app, base_url="http://desk.example", follow_redirects=False)
    if user:
        found.headers["Authorization"] = f"Bearer token-{user}"
    return found


def routes(app):
    """Yield method and an address of every route of the page."""
    found = []
    todo = list(app.routes)
    while todo:
        route = todo.pop()
        todo += list(getattr(route, "routes", ()) or getattr(getattr(route, "original_router", None), "routes", ()))
        if isinstance(route, APIRoute):
            path = route.path
            given = {
                "case_id:path": "C002",
                "name:path": "style.css",
                "name": "risk",
                "ending": "csv",
                "alert_id:path": "a",
                "kpi": "csat",
            }
            for name, value in given.items():
                path = path.replace("{" + name + "}", value)
            found += [(method, path) for method in route.methods]
    return sorted(set(found))


def test_the_walk_finds_every_route(results):
    found = routes(client(results).app)
    assert {
        ("GET", "/cases"),
        ("POST", "/cases/C002/note"),
        ("GET", "/api/v1/kpis"),
        ("GET", "/tables/risk.csv"),
    } <= set(found)
    assert len(found) > 25
    assert not any("{" in path for _, path in found), found


def test_no_route_answers_a_stranger_a_forged_session_or_a_wrong_token(results):
    page, signed = client(results), client(results, "password")
    forged = f"{SESSION_COOKIE}={'0' * 32}.99999999999.{b'ada'.hex()}.{'0' * 64}"
    for method, path in routes(page.app):
        if path.startswith((*OPEN, "/static/")):
            continue
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"X-Forwarded-User": "ada"}):
            assert page.request(method, path, headers=headers).status_code == 401, (method, path)
        signed.cookies.clear()
        answer = signed.request(method, path, headers=SAME_SITE | {"Cookie": forged})
        assert answer.status_code in (401, 303), (method, path)
        assert answer.headers.get("location", "/sign-in").startswith("/sign-in")


def test_no_route_answers_a_foreign_host(results):
    page = client(results, user="ada")
    for method, path in routes(page.app):
        for host in ("evil.example", "desk.example.evil.example", "", "desk.example@evil.example"):
            answer = page.request(method, path, headers={"Host": host})
            assert answer.status_code == 400, (method, path, host)
            assert len(answer.content) < 100


def test_every_form_is_refused_from_another_site_or_without_its_token(results):
    page = client(results, user="ada")
    page.get("/cases")
    session = page.app.state.desk.signer.read(page.cookies[SESSION_COOKIE])
    token = page.app.state.desk.signer.token(session)
    posts = [path for method, path in routes(page.app) if method == "POST"]
    assert len(posts) >= 6
    for path in posts:
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = page.post(path, data={"csrf": token, "text": "x", "name": "x"}, headers=headers)
            assert answer.status_code == 403, (path, headers)
        for forged in ("", "0" * 64, page.app.state.desk.signer.token("another")):
            data = {"csrf": forged, "text": "x", "name": "x"}
            assert page.post(path, data=data, headers=SAME_SITE).status_code == 403, path
    with read_state(results) as state:
        assert len(read_records(state, "notes")) == 0


@pytest.mark.parametrize(
    ("user", "may"), [("vera", {"read"}), ("tim", {"read", "note"}), ("paula", {"read", "note", "plan"})]
)
def test_a_lesser_role_may_not_send_the_forms_of_a_greater_one(results, user, may):
    page = client(results, user=user)
    for method, path in routes(page.app):
        if method != "POST" or path.startswith("/sign"):
            continue
        answer = page.post(path, data={}, headers=SAME_SITE)
        assert answer.status_code == 403
        refused = "may not do this" in answer.text
        assert refused == (right_of(page.app, path) not in may), path


def right_of(app, path):
    """Return the right that a form asks for, from its dependency."""
    todo, found = list(app.routes), None
    while todo:
        route = todo.pop()
        todo += list(getattr(route, "routes", ()) or getattr(getattr(route, "original_router", None), "routes", ()))
        if isinstance(route, APIRoute) and "POST" in route.methods and route.path_regex.match(path):
            calls = [d.call for d in route.dependant.dependencies if d.call.__qualname__.startswith(read_form.__name__)]
            found = calls[0].__closure__[0].cell_contents
    return found


def test_a_team_lead_sees_the_rows_of_the_own_team_and_no_others(results):
    page = client(results, user="tim")
    rows = page.get("/api/v1/cases?limit=1000").json()["rows"]
    assert {row["team"] for row in rows} == {"north"}
    assert len(rows) == 31
    for path in (
        "/cases",
        "/tables/risk",
        "/tables/case_events",
        "/tables/reasons",
        "/report",
        "/",
        "/cases.csv",
        "/api/v1/findings",
    ):
        text = page.get(path).text
        assert "C003" not in text, path
    assert "C003" in client(results, user="ada").get("/tables/reasons").text
    assert page.get("/cases/C003").status_code == 404
    assert page.get("/cases/C002").status_code == 200
    assert page.get("/api/findings").status_code == 403
    for path in ("note", "feedback", "snooze"):
        assert send(page, f"/cases/C003/{path}", text="x", verdict="right", until="2024-04-09").status_code == 404


def test_a_team_lead_sees_sums_of_the_whole_desk_but_no_other_team(tmp_path):
    days = pd.date_range("2024-03-01", periods=3)
    parts = [pd.DataFrame({"kpi": "csat", "team": team, "ds": days, "value": value, "n": 9.0, "cut": False})
             for team, value in ((None, 0.5), ("north", 0.61), ("south", 0.72))]  # fmt: skip
    page = client(write_desk(tmp_path, stages=[Stage("history", {"history": pd.concat(parts)})]), user="tim")
    rows = page.get("/api/v1/kpis").json()["rows"]
    assert {row["team"] for row in rows} == {None, "north"}
    assert "50%" in page.get("/kpis/csat").text
    assert page.get("/kpis/csat?team=north").status_code == 200
    assert page.get("/kpis/csat?team=south").status_code == 404


def send(page, path, **fields):
    page.get("/cases")
    session = page.app.state.desk.signer.read(page.cookies[SESSION_COOKIE])
    data = {"csrf": page.app.state.desk.signer.token(session), **fields}
    return page.post(path, data=data, headers={"Origin": "http://desk.example", "Sec-Fetch-Site": "same-origin"})


def test_signing_in_and_out_by_password(results):
    page = client(results, "password")
    assert page.get("/cases?q=a").headers["location"] == "/sign-in?next=%2Fcases%3Fq%3Da"
    assert page.get("/api/v1/cases").status_code == 401
    wrong = send(page, "/sign-in", name="ada", password="nonsense", next="/cases")
    assert wrong.status_code == 403
    assert "wrong" in wrong.text
    for target, there in (("/cases?q=a", "/cases?q=a"), ("//evil.example", "/"), ("https://evil.example", "/")):
        answer = send(page, "/sign-in", name="ada", password=PASSWORD, next=target)
        assert (answer.status_code, answer.headers["location"]) == (303, there)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "You are ada (admin)" in page.get("/cases").text
    assert send(page, "/sign-out").status_code == 303
    assert page.get("/cases").status_code == 303
    with read_state(results) as state:
        audit = read_records(state, "audit")
    assert audit[audit["subject"] == "ada"]["action"].tolist() == ["sign in failed", *["sign in"] * 3]


def test_guessing_a_password_is_slowed_down(results):
    page = client(results, "password")
    found = [send(page, "/sign-in", name="ada", password="x").status_code for _ in range(12)]
    assert found[0] == 403
    assert found[-1] == 429


def test_a_proxy_is_believed_at_its_address_alone(results):
    other = client(results, "proxy", proxy=("10.0.0.0/24",), role="viewer")
    assert other.get("/cases", headers={"X-Forwarded-User": "ada"}).status_code == 401
    page = client(results, "proxy", proxy=("10.0.0.0/24",), role="viewer")
    page = TestClient(page.app, base_url="http://desk.example", client=("10.0.0.7", 5), follow_redirects=False)
    assert "ada (admin)" in page.get("/cases", headers={"X-Forwarded-User": "ada"}).text
    assert "eve (viewer)" in page.get("/cases", headers={"X-Forwarded-User": "eve"}).text
    assert page.get("/cases").status_code == 401
    assert page.get("/cases", headers=[("X-Forwarded-User", "ada"), ("X-Forwarded-User", "eve")]).status_code == 401


def test_texts_of_users_are_shown_as_texts_and_written_as_they_are(results):
    page = client(results, user="ada")
    from urllib.parse import quote

    path = f"/cases/{quote(NASTY, safe='')}"
    assert send(page, f"{path}/note", text=NASTY).status_code == 303
    assert send(page, f"{path}/feedback", verdict="wrong", note=NASTY).status_code == 303
    assert send(page, "/cases/views", name=NASTY, query=f"q={quote(NASTY)}&team=north").status_code == 303
    for shown in (
        path,
        "/cases",
        f"/cases?q={quote(NASTY)}&team={quote(NASTY)}",
        "/",
        "/tables/risk",
        f"/cases?said={quote(NASTY)}",
    ):
        assert "<script>alert" not in page.get(shown).text, shown
    with read_state(results) as state:
        assert read_records(state, "notes")["text"].tolist() == [NASTY]
        assert read_records(state, "feedback", kind="case")["verdict"].tolist() == ["wrong"]
        audit = read_records(state, "audit", by="ada")
    assert {"note", "feedback", "save view"} <= set(audit["action"])
    assert json.loads(audit["body"].iloc[-1])["from"] == "page"
    assert send(page, "/cases/views", name=NASTY, delete="1").status_code == 303
    assert "Saved views" not in page.get("/cases").text


def test_a_case_is_set_aside_until_a_day_and_brought_back(results):
    page = client(results, user="paula")
    for bad in ("", "soon", "2024-04-01", "2034-01-01", "2024-13-01"):
        assert send(page, "/cases/C004/snooze", until=bad).status_code == 422, bad
    assert send(page, "/cases/C004/snooze", until="2024-04-08").status_code == 303
    assert "C004" not in page.get("/cases").text
    assert "C004" in page.get("/cases?snoozed=1").text
    assert "Set aside until Mon 8 Apr" in page.get("/cases/C004").text
    assert send(page, "/cases/C004/snooze", wake="1").status_code == 303
    assert "C004" in page.get("/cases").text


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (PageSpec, {"case_url": "javascript:alert(1)"}, "not an address of a case"),
        (PageSpec, {"case_url": "https://tickets.example/"}, "case_id"),
        (ServeSpec, {"auth": "proxy"}, "missing addresses of the proxy"),
        (ServeSpec, {"auth": "pasword"}, "did you mean 'password'"),
        (ServeSpec, {"auth": "proxy", "proxy": ["everywhere"]}, "not an address"),
        (ServeSpec, {"port": 70000}, "not a valid port"),
        (UserSpec, {"name": "tim", "role": "team lead"}, "a team lead needs a team"),
        (UserSpec, {"name": "tim", "role": "boss"}, "unknown role"),
        (UserSpec, {"name": "tim", "password": "plain text"}, "not a hash of a password"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(kind, body, words):
    with pytest.raises(InputError, match=words):
        read_section(kind, body, "deskcast.toml [x]")


def test_a_case_leads_to_the_ticket_system(results):
    page = TestClient(make_app(results, case_url="https://tickets.example/{case_id}?a=1"))
    assert 'href="https://tickets.example/A%2F7%20b?a=1"' in page.get("/cases/A%2F7%20b").text
