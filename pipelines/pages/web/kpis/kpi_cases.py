"""The cases behind a value of a KPI: looked up in the log by the command of the same name, and kept."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from .....features.calendars.periods import floor_to_period
from .....features.kpis.cases_behind import BEHIND_COLUMNS
from .....features.kpis.named_periods import parse_period
from ....words.columns import choose_main_columns
from ....words.tables import format_table
from ....words.words import format_kpi
from ..cases.cases import case_path
from ..frame.export import export_frame
from ..frame.view import PageRoute, PageView, View
from .kpi_data import read_history
from .kpi_paths import kpi_path
from .kpis import read_segment

router = APIRouter(route_class=PageRoute)
#: Seconds that a first request waits, and that a search may take; searches at a time and in the queue; kept answers.
WAIT_S, MAX_SEARCH_S, MAX_QUEUED, MAX_KEPT = 2.0, 300, 6, 20
MAX_ROWS = 200
_STATES = ("met", "breached", "yes", "no", "ended", "open")
_FREQS = ("h", "D", "W", "MS", "QS", "6MS")
_ONE_AT_A_TIME = threading.Semaphore(1)


@dataclass
class Search:
    """A search for cases: what it found, or why it found nothing, once it is done."""

    done: threading.Event = field(default_factory=threading.Event)
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    sentence: str = ""
    problem: str = ""


class Searches:
    """The searches on one set of results, each made once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[tuple[str, ...], Search] = {}

    def find(self, config: Path, options: tuple[str, ...]) -> Search:
        """Return a search by its options; it is begun where it is asked for first.

        Raises
        ------
        HTTPException
            503 where too many wait.
        """
        with self._lock:
            found = self._made.get(options)
            if found is not None:
                return found
            if sum(not search.done.is_set() for search in self._made.values()) >= MAX_QUEUED:
                raise HTTPException(503, "Others are looking for cases now. Load the page again in a minute.")
            ended = [key for key, search in self._made.items() if search.done.is_set()]
            for key in ended[: max(0, len(self._made) - MAX_KEPT + 1)]:
                del self._made[key]
            search = self._made[options] = Search()
        threading.Thread(target=_run, args=(search, config, options), daemon=True).start()
        return search


def _run(search: Search, config: Path, options: tuple[str, ...]) -> None:
    """Answer a search in a process of its own, so that a large log takes no memory of the page."""
    try:
        with _ONE_AT_A_TIME, tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "cases.parquet"
            command = "import sys; from deskcast.pipelines.commands.cli import main; sys.exit(main())"
            arguments = [
                sys.executable,
                "-c",
                command,
                "cases",
                *options,
                f"--config={config}",
                f"--out={out}",
                "--json",
            ]
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=MAX_SEARCH_S, check=False)
            if done.returncode == 0:
                search.table = pd.read_parquet(out)
                search.sentence = " ".join(json.loads(done.stdout)["findings"])
            else:
                last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
                search.problem = last.removeprefix("deskcast: ")
    except subprocess.TimeoutExpired:
        search.problem = "the search took too long; choose a shorter period or a smaller segment"
    except (OSError, ValueError, KeyError) as error:
        search.problem = f"the answer cannot be read: {error}"
    finally:
        search.done.set()


@router.get("/kpis/{kpi}/cases", response_class=HTMLResponse)
def kpi_cases(view: PageView, kpi: str) -> Response:
    """Show the cases behind one value; while they are looked up, the page loads itself again."""
    if view.results is None:
        raise HTTPException(404, "There are no results yet. Run 'deskcast run' first.")
    asked, segment = view.request.query_params, read_segment(view)
    shared: dict[str, Any] = {
        "title": f"Cases behind {format_kpi(kpi)}",
        "kpi": kpi_path(kpi, ", ".join(f"{c} {v}" for c, v in segment.items()) or "all"),
        "period": asked.get("period", ""),
        "segment": ", ".join(f"{c} {v}" for c, v in segment.items()) or "all segments",
        "query": view.request.url.query,
        "path": f"{kpi_path(kpi)}/cases",
    }
    search = find_search(view, kpi, segment)
    if search is None:
        return view.page("kpi_cases.html", **shared, state="unknown", table=None, sentence="", problem="")
    if not search.done.wait(WAIT_S):
        answer = view.page("kpi_cases.html", 202, **shared, state="working", table=None, sentence="", problem="")
        answer.headers["Refresh"] = "3"
        return answer
    if search.problem:
        return view.page(
            "kpi_cases.html", 422, **shared, state="failed", table=None, sentence="", problem=search.problem
        )
    rows = own_rows(view, search.table)
    shown = rows[_shown_columns(rows)].head(MAX_ROWS)
    return view.page(
        "kpi_cases.html",
        **shared,
        state="done",
        sentence="" if view.user.team else search.sentence,
        problem="",
        table=format_table("cases_behind", shown, MAX_ROWS, view.desk.timezone, view.year),
        links=[case_path(str(c)) if isinstance(c, str) and c in _open_cases(view) else "" for c in shown["case_id"]],
        total=len(rows),
    )


@router.get("/kpis/{kpi}/cases.{ending}")
def kpi_cases_file(view: PageView, kpi: str, ending: str) -> Response:
    """Give the cases behind one value as CSV, Excel workbook or Parquet."""
    search = find_search(view, kpi, read_segment(view)) if view.results is not None else None
    if search is None or not search.done.wait(60) or search.problem:
        raise HTTPException(404, "These cases are not known. Open their page first.")
    return export_frame(own_rows(view, search.table), f"cases-behind-{kpi}", ending)


def find_search(view: View, kpi: str, segment: Mapping[str, str]) -> Search | None:
    """Return the search that an address asks for; ``None`` where the page does not know the log.

    Raises
    ------
    HTTPException
        422 where the period or state cannot be; 404 where the history has no such value. Nothing is begun for either.
    """
    config = view.desk.config
    if config is None or not config.is_file():
        return None
    asked = view.request.query_params
    period, freq, state = (asked.get(name, "") for name in ("period", "freq", "state"))
    if not period or len(period) > 32 or (freq and freq not in _FREQS) or (state and state not in _STATES):
        raise HTTPException(422, "The period is missing. Choose a week on the page of the KPI.")
    start, length = parse_period(period, freq or None)
    days = read_history(view.snapshot, kpi, segment)["ds"]
    if days.empty or not floor_to_period(days.min(), length) <= start <= days.max():
        raise HTTPException(404, "The history has no value of this KPI, segment and period.")
    instants = view.snapshot.results.instants
    options = [f"--kpi={kpi}", f"--period={period}"]
    options += [f"--freq={freq}"] if freq else []
    options += [f"--state={state}"] if state else []
    options += [f"--by={column}={value}" for column, value in segment.items()]
    options += [f"--as-of={instants.data_until.isoformat()}"] if instants else []
    searches: Searches = view.desk.store.snapshot().remember("searches for cases", Searches)
    return searches.find(config, tuple(options))


def own_rows(view: View, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that a user may see: all, or those of the own team."""
    if view.user.team is None:
        return table
    if "team" not in table:
        return table.iloc[:0]
    return table[table["team"] == view.user.team]


def _shown_columns(rows: pd.DataFrame) -> list[str]:
    """Return what is shown of a case: how it counts, what it is like, and its main times."""
    main = choose_main_columns("cases_behind", rows)
    first = [c for c in BEHIND_COLUMNS if c in rows and (c in ("case_id", "state") or rows[c].notna().any())]
    kept = dict.fromkeys([*first, *main])
    return [c for c in kept if rows[c].notna().any() or c == "case_id"][:14]


def _open_cases(view: View) -> set[str]:
    """Return the cases that have a page of their own."""
    from ..cases.case_list import SITUATIONS

    def make() -> set[str]:
        tables = [t for t in SITUATIONS if view.snapshot.has(t)]
        return {str(c) for t in tables for (c,) in view.snapshot.rows(f"SELECT case_id FROM {{{t}}}")}

    found: set[str] = view.snapshot.remember("open cases", make)
    return found
