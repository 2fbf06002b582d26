"""The page over the results of the demo, for requests and for a browser."""

import shutil
import socket
import threading
from pathlib import Path

import pytest
import uvicorn
from deskcast.pipelines.pages.web import make_app
from fastapi.testclient import TestClient

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")


@pytest.fixture(scope="session")
def demo_desk(demo_home, tmp_path_factory):
    """Give a copy of the demo's folder that all tests of pages share: read it, or write what harms no other test."""
    folder = tmp_path_factory.mktemp("pages") / "desk"
    for name in ("results", "results-state"):
        shutil.copytree(demo_home / "desk" / name, folder / name)
    shutil.copy(demo_home / "desk" / "deskcast.toml", folder)
    return folder


@pytest.fixture(scope="session")
def page(demo_desk):
    """Give a client of the page: ``page.get("/cases")``, ``page.submit("/cases/C1/note", text="...")``."""
    return PageClient(make_app(demo_desk / "results", title="Demo", timezone="Europe/Berlin"))


class PageClient(TestClient):
    """A browser without a window: it sends forms with the token of its session."""

    def submit(self, path, follow=True, **fields):
        """Send a form as the page itself would."""
        self.get("/help")
        session = self.app.state.desk.signer.read(self.cookies.get("deskcast_session"))
        token = self.app.state.desk.signer.token(session)
        origin = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
        return self.post(path, data={"csrf": token, **fields}, headers=origin, follow_redirects=follow)


@pytest.fixture(scope="session")
def served(demo_desk):
    """Give the address of the page on a real port of this machine."""
    with serve(make_app(demo_desk / "results", title="Demo", timezone="Europe/Berlin", host="127.0.0.1")) as address:
        yield address


class serve:
    """Serve an application in a thread for the time of a block."""

    def __init__(self, app):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join(timeout=20)
        self.listener.close()


@pytest.fixture(scope="session")
def chromium():
    """Give Debian's Chromium, driven by Playwright; without one of them the tests are skipped."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install playwright)")
    program = next((path for path in CHROMIUM if Path(path).exists()), None)
    if program is None:
        pytest.skip("needs Chromium (apt-get install chromium)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def look(chromium, served):
    """Give a function that opens a page and returns it: ``look("/cases", width=390, dark=True)``.

    ``tab.problems`` holds console errors and requests to other hosts; it is empty at the end of a good test.
    """
    contexts = []

    def opened(path, width=1400, dark=False, scripts=True):
        scheme = "dark" if dark else "light"
        size = {"width": width, "height": 900}
        context = chromium.new_context(viewport=size, color_scheme=scheme, java_script_enabled=scripts)
        contexts.append(context)
        tab = context.new_page()
        tab.problems = []
        tab.on("console", lambda m: tab.problems.append(m.text) if m.type in ("error", "warning") else None)
        tab.on("pageerror", lambda e: tab.problems.append(str(e)))
        tab.on("request", lambda r: tab.problems.append(r.url) if not r.url.startswith((served, "data:")) else None)
        tab.goto(served + path, wait_until="load")
        return tab

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe():
    """Give a function that returns the rules of axe-core that a page breaks, with where."""
    found = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python")
    script = (Path(found.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

    def check(tab):
        tab.evaluate(script)  # from outside, so that the policy of the page need not allow it
        violations = tab.evaluate("axe.run().then((found) => found.violations)")
        return [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in violations]

    return check
