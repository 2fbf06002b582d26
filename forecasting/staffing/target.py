"""What a queue promises and how its agents work, in one place, and the fewest agents for it: calls and chats alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats, Places
from ..arguments import Numbers, check_numbers, flat_queue, index_of
from ..queueing.balance import EXTRA_PERFORMANCE_COLUMNS, PERFORMANCE_COLUMNS, check_definition
from ..queueing.chat import EXTRA_CHAT_COLUMNS, agent_pace, chat_performance, compute_chat_performance
from ..queueing.erlang import compute_performance, queue_performance
from ..queueing.patience import DiscretePatience, Patience, read_patience_shape
from .search import STAFFING_RULES, AgentSearch, build_requirement_frame, find_fewest_agents, guess_agents, read_rules


@dataclass(frozen=True)
class QueueTarget:
    """What is asked of a queue, see :func:`deskcast.forecasting.required_agents`; ``None`` does not bind.

    ``concurrency`` is ``None`` for calls; of chats it is how many an agent holds at once, each slower by ``slowdown``
    for every other one, see :func:`deskcast.forecasting.chat_performance`.

    Examples
    --------
    >>> QueueTarget().require(100, 180)["agents"].tolist()
    [14]
    >>> QueueTarget(concurrency=3, slowdown=0.1, max_occupancy=None).require(100, 360)["agents"].tolist()
    [10]
    """

    interval: Numbers = 1800
    service_level: Numbers | None = 0.8
    threshold: Numbers = 20
    max_occupancy: Numbers | None = 0.85
    patience: Numbers | Patience | None = None
    max_wait: Numbers | None = None
    max_abandonment: Numbers | None = None
    min_agents: Numbers = 0
    definition: str = "offered"
    concurrency: Numbers | None = None
    slowdown: Numbers = 0.0

    @property
    def items(self) -> str:
        """What comes, as the arguments name it."""
        return "calls" if self.concurrency is None else "chats"

    def require(self, arrivals: Numbers, aht: Numbers, below: bool = False) -> pd.DataFrame:
        """Return the fewest agents, as :func:`deskcast.forecasting.required_agents` says."""
        flat, shape = self._read(arrivals, aht)
        rules = {name: flat.pop(name) for name in STAFFING_RULES}
        items, chats = flat[self.items], self.concurrency is not None
        compute: Callable[..., dict[str, Floats]] = compute_chat_performance if chats else compute_performance

        def evaluate(rows: Places, n: Floats) -> dict[str, Floats]:
            given = {k: x[rows] for k, x in flat.items()}
            return compute(agents=n, **given, shape=shape, definition=self.definition)

        load = items * flat["aht"] / flat["interval"]
        pace = agent_pace(flat["concurrency"], flat["slowdown"]) if chats else np.ones_like(load)
        patient = np.isinf(flat["patience"])
        never = shape.never_share if isinstance(shape, DiscretePatience) else 0.0
        stays = np.where(patient, 1.0, never) * load / pace  # work of those who never leave: it needs room
        stable = np.where(stays > 0, np.floor(stays * (1 + 1e-12)) + 1, 1).astype(np.int64)
        times = flat["threshold"] / flat["aht"], flat["patience"] / flat["aht"]
        guess = np.ceil(guess_agents(load, rules["service_level"], *times) / pace).astype(np.int64)
        # with several chats an agent is seldom idle, and the occupancy is no plain ratio
        task = AgentSearch(load, stable, patient & (not chats), guess, evaluate)
        agents, binding = find_fewest_agents(task, rules)
        columns = (*PERFORMANCE_COLUMNS, *(EXTRA_CHAT_COLUMNS if chats else EXTRA_PERFORMANCE_COLUMNS))
        index = index_of(items.size, arrivals, aht, *(getattr(self, field.name) for field in fields(self)))
        return build_requirement_frame(agents, binding, evaluate, columns, index, below)

    def perform(self, arrivals: Numbers, aht: Numbers, agents: Numbers) -> pd.DataFrame:
        """Return how the queue performs with some agents, as :func:`deskcast.forecasting.queue_performance` says."""
        times = (self.interval, self.threshold, self.patience, self.definition)
        if self.concurrency is None:
            return queue_performance(arrivals, aht, agents, *times)
        return chat_performance(arrivals, aht, agents, self.concurrency, self.slowdown, *times)

    def _read(self, arrivals: Numbers, aht: Numbers) -> tuple[dict[str, Floats], Any]:
        """Check all numbers, and broadcast them to flat arrays of one length."""
        scale, shape = read_patience_shape(self.patience)
        check_definition(self.definition)
        given = {self.items: check_numbers(self.items, arrivals, least=0), "aht": check_numbers("aht", aht, above=0)}
        if self.concurrency is not None:
            given["concurrency"] = check_numbers("concurrency", self.concurrency, least=1)
            given["slowdown"] = check_numbers("slowdown", self.slowdown, least=0)
        given |= {
            "interval": check_numbers("interval", self.interval, above=0),
            "threshold": check_numbers("threshold", self.threshold, least=0),
            "patience": scale,
            **read_rules(self.service_level, self.max_occupancy, self.max_wait, self.max_abandonment, self.min_agents),
        }
        return flat_queue(self.items, given), shape
