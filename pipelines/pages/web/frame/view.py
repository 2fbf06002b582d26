"""What a page works with: the desk, who asks, and the results as one request sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import pandas as pd
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute

from .....features.errors import InputError
from .....features.renamed import new_name
from ....project.state_place import StatePlace
from ....words.instants import MAX_DATA_AGE, find_data_age, format_instants
from ..access.session import Signer, User
from .render import render_page
from .running import is_run_in_progress
from .snapshot import ResultsChangedError, ResultsStore, Snapshot

#: How often a request is answered anew because a run replaced the results while it was answered.
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Desk:
    """What all requests share.

    Attributes
    ----------
    store
        The results.
    place
        Where the state is.
    title, timezone
        Whose page it is, and the clock of all times.
    signer
        For sessions and forms.
    case_url
        Address of a case in the ticket system, with ``{case_id}``; empty where none is configured.
    config
        The configuration, for what has to be looked up in the case log; ``None`` where it is unknown.
    """

    store: ResultsStore
    place: StatePlace
    title: str
    timezone: str
    signer: Signer
    case_url: str = ""
    config: Path | None = None


class View:
    """One request: who asks, for which results, and how an answer is drawn.

    Attributes
    ----------
    request, desk, user, session
        The request, what all share, who asks, and the signed name of the session.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.desk: Desk = request.app.state.desk
        self.user: User = request.state.user
        self.session: str = request.state.session

    @cached_property
    def snapshot(self) -> Snapshot:
        """The results as this request sees them.

        Raises
        ------
        InputError
            If there are none yet.
        """
        return self.desk.store.snapshot(self.user.team)

    @cached_property
    def results(self) -> Snapshot | None:
        """The results, or ``None`` before the first run."""
        try:
            return self.snapshot
        except InputError as error:
            if error.code == "results.missing":
                return None
            raise

    @property
    def year(self) -> int | None:
        """Year that the dates of a page do not repeat: that of the data."""
        instants = None if self.results is None else self.results.results.instants
        return None if instants is None else int(instants.as_of.tz_convert(self.desk.timezone).year)

    @property
    def now(self) -> pd.Timestamp:
        """The instant that the results look at; the clock where results of an earlier version do not say."""
        instants = self.snapshot.results.instants
        return instants.as_of if instants else pd.Timestamp(self.snapshot.results.made_at).tz_convert("UTC")

    @property
    def csrf(self) -> str:
        """Token that every form of this session carries; see :mod:`.forms`."""
        return self.desk.signer.token(self.session)

    def missing(self, stage: str = "", *tables: str) -> dict[str, str] | None:
        """Return why a page of a stage has nothing to show, and what to do next; ``None`` where it has.

        Parameters
        ----------
        stage
            Stage that makes the tables; without one, only results as such are asked for.
        tables
            Tables of which one at least has to have rows.

        Returns
        -------
        ``title``, ``why`` and ``next`` for the macro ``empty``.
        """
        from .empty import explain_missing

        return explain_missing(self.results, self.running, stage, tables)

    @cached_property
    def running(self) -> bool:
        """Whether a run is at work now."""
        return is_run_in_progress(self.desk.store.folder)

    def result_table(self, name: str) -> pd.DataFrame:
        """Return a whole result table by its name or its former one, with the rows that the user may see.

        Raises
        ------
        InputError
            If there is none of the name.
        """
        return self.snapshot.table(new_name("table", "results", name))

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Draw a page.

        Parameters
        ----------
        template
            Name of a file in ``templates``.
        status
            Status of the answer.
        **values
            What the template shows; ``view`` is there by itself.
        """
        return HTMLResponse(render_page(template, view=self, csrf=self.csrf, shell=self._shell(), **values), status)

    def redirect(self, path: str, said: str = "", **query: Any) -> Response:
        """Lead on after a form was taken: the page at ``path`` says what was done; see ``MESSAGES``.

        Raises
        ------
        ValueError
            If the path leads elsewhere.
        """
        if not path.startswith("/") or path.startswith(("//", "/\\")):
            raise ValueError("a form leads on to a page of this server only")
        more = {name: value for name, value in (query | {"said": said}).items() if value}
        joined = f"{path}{'&' if '?' in path else '?'}{urlencode(more)}" if more else path
        return RedirectResponse(joined, 303)

    def case_link(self, case_id: str) -> str:
        """Return the address of a case in the ticket system; empty where none is configured."""
        return self.desk.case_url.replace("{case_id}", quote(case_id, safe="")) if self.desk.case_url else ""

    def _shell(self) -> dict[str, Any]:
        """Return what the frame around every page shows."""
        instants = None if self.results is None else self.results.results.instants
        old = find_data_age(instants).days if instants and find_data_age(instants) > MAX_DATA_AGE else 0
        return {
            "title": self.desk.title,
            "instants": "" if instants is None else format_instants(instants, self.desk.timezone),
            "data_age": old,
            "here": self.request.url.path,
            "links": self.request.app.state.links,
            "signs_on": self.request.app.state.access.kind == "password",
            "said": MESSAGES.get(self.request.query_params.get("said", ""), ""),
        }


#: What a page says after a form was taken, by the short name in its address: no text of an address is shown.
MESSAGES = {
    "noted": "Your note is saved.",
    "feedback": "Your answer is saved.",
    "snoozed": "The case is set aside until the day you chose.",
    "woken": "The case is back on the list.",
    "view": "The view is saved.",
    "view-deleted": "The view is deleted.",
    "acknowledged": "The KPI alert is acknowledged. It is reported again when it changes.",
    "silenced": "The alert is muted until the day you chose.",
    "scenario": "The scenario is saved.",
    "adjusted": "The adjustment is saved. The next run applies it to forecast and staffing.",
    "withdrawn": "The adjustment is taken back. The next run leaves it out.",
    "plan": "The plan is saved.",
    "scenario-deleted": "The scenario is deleted.",
    "plan-deleted": "The plan is deleted.",
    "seen": "Changes are now counted from these results.",
    "signed-in": "You are signed in.",
    "signed-out": "You are signed out.",
}


class PageRoute(APIRoute):
    """A route whose reading requests are answered anew where a run replaced the results meanwhile."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Return the function that answers."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            attempts = MAX_ATTEMPTS if request.method in ("GET", "HEAD") else 1
            for _ in range(attempts - 1):
                try:
                    return await answer(request)
                except ResultsChangedError:
                    continue
            return await answer(request)

        return handle


def open_view(request: Request) -> View:
    """Return the view of a request; who may not read is refused before."""
    return View(request)


#: The parameter of a page: ``def cases(view: PageView) -> Response``.
PageView = Annotated[View, Depends(open_view)]


def check_results_path(folder: str | Path) -> Path:
    """Return the results folder as an absolute path, whatever the server's folder becomes."""
    return Path(folder).resolve()
