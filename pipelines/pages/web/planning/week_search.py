"""Reviews of earlier weeks: made from the log in a process of their own when they are first asked for, and kept."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from starlette.exceptions import HTTPException

from .....features.errors import InputError
from ....project.project import open_project, view_as_of
from ....stage import Stage
from ....store.results import read_results, replace_folder, write_stages

#: Seconds that a review may take, and reviews that may wait.
MAX_REVIEW_S, MAX_QUEUED = 600, 4
_ONE_AT_A_TIME = threading.Semaphore(1)
_COMMAND = "import sys; from deskcast.pipelines.pages.web.planning.week_search import write_review; "
_COMMAND += "write_review(*sys.argv[1:])"


@dataclass
class WeekSearch:
    """The review of a week, once it is done, or why there is none."""

    done: threading.Event = field(default_factory=threading.Event)
    stage: Stage = field(default_factory=lambda: Stage("review"))
    problem: str = ""


class WeekSearches:
    """The reviews of earlier weeks of one set of results, each made once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[str, WeekSearch] = {}

    def find(self, config: Path, week: str, as_of: str) -> WeekSearch:
        """Return the review of a week; it is begun where it is asked for first.

        Raises
        ------
        HTTPException
            503 where too many wait.
        """
        with self._lock:
            found = self._made.get(week)
            if found is not None:
                return found
            if sum(not search.done.is_set() for search in self._made.values()) >= MAX_QUEUED:
                raise HTTPException(503, "Others are asking for reviews now. Load the page again in a minute.")
            search = self._made[week] = WeekSearch()
        threading.Thread(target=_run, args=(search, config, week, as_of), daemon=True).start()
        return search


def _run(search: WeekSearch, config: Path, week: str, as_of: str) -> None:
    try:
        with _ONE_AT_A_TIME, tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "review"
            command = [sys.executable, "-c", _COMMAND, str(config), week, as_of, str(out)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_REVIEW_S, check=False)
            if done.returncode == 0:
                search.stage = read_results(out).stages[0]
                search.problem = search.stage.skipped
            else:
                search.problem = (done.stderr.strip().splitlines() or ["no answer"])[-1]
    except subprocess.TimeoutExpired:
        search.problem = "the review took too long; 'deskcast review' makes it in a terminal"
    except (OSError, InputError) as error:
        search.problem = f"the review cannot be read: {error}"
    finally:
        search.done.set()


def write_review(config: str, week: str, as_of: str, folder: str) -> None:
    """Review a week of a desk as of an instant, and leave the stage in a results folder; a refusal is its text."""
    from ....stages.review import review_stage

    project = open_project(config)
    try:
        stage = review_stage(view_as_of(project, as_of) if as_of else project, pd.Timestamp(week))
    except InputError as error:
        stage = Stage("review", skipped=str(error))
    with replace_folder(Path(folder)) as staging:
        write_stages([replace(stage, refused=False)], staging, version="review")
