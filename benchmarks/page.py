"""Time and memory of the page over made-up results: 100,000 open cases and 400,000 rows of KPI history.

``python benchmarks/page.py RESULTS [FOLDER]`` makes the results (in FOLDER, kept if it is given), serves them in a
process of its own, and prints for each page the best of three, wall and CPU, its size, the first page after a start, 50
users at once, and the memory of the server. What does not grow with the cases (forecast, staffing, KPI alerts, models)
is that of RESULTS, the folder ``results`` of a run such as the demo. Nothing is asserted.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pandas as pd
from deskcast.features.kpis.catalogue import KPI_ENTRIES
from deskcast.pipelines.pages.web.routes import PAGES
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.results import read_results, replace_folder, write_stages
from deskcast.pipelines.words.instants import Instants

CASES, USERS, ROUNDS = 100_000, 50, 4
AS_OF = pd.Timestamp("2026-03-02T07:00Z")
KPIS, CHANNELS, DAYS = 40, 24, 400
PATHS = PAGES | {
    "Cases, search": "/cases?q=agent+77+login",
    "Cases, search without a hit": "/cases?q=nobodyhasthis",
    "Cases, facets and sort": "/cases?team=team+3&priority=2&sort=-due_at",
    "Cases, last page": "/cases?page=2000",
    "Case": "/cases/C0000500",
    "Staffing, slider": "/staffing?queue=phone&service_level=91",
    "KPI": "/kpis/cases_opened",
    "KPI, segment": "/kpis/cases_opened?channel=channel+3",
    "API, cases": "/api/v1/cases?limit=100",
    "API, KPIs": "/api/v1/kpis?kpi=cases_opened&limit=100",
}
_SERVER = """
import sys, uvicorn
from deskcast.pipelines.pages.web import make_app
uvicorn.run(make_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""


def make_results(folder: Path, run: Path) -> Path:
    """Write results of a large desk beside what a run gave; return their folder."""
    dice = np.random.default_rng(7)
    n = CASES
    left = dice.exponential(90_000, n)
    risk = pd.DataFrame(
        {
            "rank": np.arange(1, n + 1),
            "case_id": [f"C{i:07d}" for i in range(n)],
            "metric": "resolution",
            "probability": np.sort(dice.beta(1, 6, n))[::-1],
            "risk_level": dice.choice(["low", "medium", "high", "very high"], n),
            "due_at": AS_OF + pd.to_timedelta(left, unit="s").round("s"),
            "left_s": left,
            "left_wall_s": left,
            "left_business_s": left / 3,
            "paused": False,
            "owner": [f"agent {i}" for i in dice.integers(0, 400, n)],
            "team": [f"team {i}" for i in dice.integers(0, 30, n)],
            "priority": dice.choice(list("1234"), n),
            "age_s": dice.exponential(200_000, n),
            "reason_1": dice.choice(["login fails since the update", "its team has 90 open cases", "80% is used"], n),
            "reason_2": "product Mobile",
            "reason_3": "weekday",
            "median_finish": AS_OF,
            "finish_80": AS_OF,
            "action": dice.choice(["work on it next", "assign one owner", "no action"], n),
            "expected_benefit": dice.random(n),
            "work_first": np.arange(n) < 20,
            "first_flagged_at": AS_OF,
            "as_of": AS_OF,
            "caution": "",
        }
    )
    breached = risk.head(2000)[["case_id", "metric", "due_at", "team", "priority", "owner"]].assign(overdue_s=3600.0)
    breached["case_id"] = "B" + breached["case_id"].str[1:]
    clocks = risk[["case_id", "metric", "left_business_s", "paused", "priority", "team"]].assign(target_used=0.5)
    events = pd.DataFrame(
        {
            "case_id": np.repeat(risk["case_id"], 8).array,
            "seq": np.tile(np.arange(8), n),
            "at": AS_OF,
            "kind": "message",
            "actor_role": "agent",
        }
    )
    past = risk[["case_id", "metric", "priority", "team"]].assign(resolved_at=AS_OF, resolution_s=left, breached=False)
    names = [entry.name for entry in KPI_ENTRIES][:KPIS]
    series = [None, *(f"channel {i}" for i in range(CHANNELS))]  # the first is the total
    rows = KPIS * len(series) * DAYS
    history = pd.DataFrame(
        {
            "kpi": np.repeat(names, rows // KPIS),
            "channel": np.tile(np.repeat(np.array(series, dtype=object), DAYS), KPIS),
            "ds": np.tile(pd.date_range("2025-01-25", periods=DAYS), rows // DAYS),
            "value": dice.random(rows),
            "n": 50.0,
            "numerator": np.round(50 * dice.random(rows)),
            "cut": False,
        }
    )
    stages = [
        Stage("check", {"checks": pd.DataFrame({"check": ["Rows"], "result": ["many"]})}, ("Many cases.",)),
        Stage("history", {"history": history}, ("Many KPIs.",)),
        Stage(
            "risk",
            {
                "risk": risk,
                "breached_cases": breached,
                "case_clocks": clocks,
                "case_events": events,
                "past_cases": past,
            },
            ("2,000 cases have breached.",),
        ),
    ]
    made = {stage.name: stage for stage in stages}
    stages = [made.get(stage.name, stage) for stage in read_results(run).stages]
    with replace_folder(folder / "results") as staging:
        write_stages(stages, staging, version="0", instants=Instants.now(AS_OF, AS_OF))
    return folder / "results"


def ask(port: int, path: str) -> tuple[int, bytes]:
    """Return status and body of a page."""
    line = HTTPConnection("127.0.0.1", port, timeout=120)
    line.request("GET", path)
    answer = line.getresponse()
    return answer.status, answer.read()


def cpu_s(process: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def memory_mb(process: int, key: str = "VmHWM") -> float:
    """Return the most memory that a process has had."""
    found = re.search(rf"{key}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def main(run: Path, folder: Path) -> None:
    """Measure, and print a table."""
    results = folder / "results" if (folder / "results").is_dir() else make_results(folder, run)
    port = 8799
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", _SERVER, str(results), str(port)]) as server:
        try:
            first = _wait(port)
            up = time.perf_counter() - began
            began, cpu = time.perf_counter(), cpu_s(server.pid)
            status, body = ask(port, "/")
            print(
                f"server up after {up:.2f} s ({first} tries); first page {time.perf_counter() - began:.2f} s, ", end=""
            )
            print(f"CPU {cpu_s(server.pid) - cpu:.2f} s, status {status}, {len(body) / 1000:.0f} kB")
            for name, path in PATHS.items():
                print(f"{name:30} {_best(port, path, server.pid)}")
            _many(port)
            print(f"memory {memory_mb(server.pid):.0f} MB at most, {memory_mb(server.pid, 'VmRSS'):.0f} MB now")
        finally:
            server.terminate()


def _wait(port: int) -> int:
    for tries in range(1, 3000):
        try:
            ask(port, "/health")
            return tries
        except OSError:
            time.sleep(0.02)
    raise TimeoutError("the server does not come up")


def _best(port: int, path: str, process: int) -> str:
    walls, cpus = [], []
    for _ in range(4):
        began, cpu = time.perf_counter(), cpu_s(process)
        status, body = ask(port, path)
        walls.append(time.perf_counter() - began)
        cpus.append(cpu_s(process) - cpu)
    first, walls = walls[0], walls[1:]
    return (
        f"{min(walls):.3f} s wall, {min(cpus[1:]):.2f} s CPU, first {first:.3f} s, {len(body) / 1000:.0f} kB, {status}"
    )


def _many(port: int) -> None:
    paths = [path for path in PATHS.values() if ask(port, path)[0] == 200]

    def user(number: int) -> list[tuple[int, float]]:
        found = []
        for turn in range(ROUNDS):
            began = time.perf_counter()
            status, _ = ask(port, paths[(number + turn) % len(paths)])
            found.append((status, time.perf_counter() - began))
        return found

    began = time.perf_counter()
    with ThreadPoolExecutor(USERS) as pool:
        answers = [one for found in pool.map(user, range(USERS)) for one in found]
    times = sorted(seconds for _, seconds in answers)
    bad = sum(status != 200 for status, _ in answers)
    spent = time.perf_counter() - began
    print(f"{USERS} users at once: {len(answers)} pages in {spent:.1f} s, {bad} errors, ", end="")
    print(f"median {times[len(times) // 2]:.2f} s, slowest {times[-1]:.2f} s")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    if len(sys.argv) == 3:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(sys.argv[1]), Path(place))
