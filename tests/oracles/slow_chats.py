"""Chats, several at once with each agent, told the long way: everything is looked at again at each event.

And the exact chain of the same queue with exponential handle times: the state is how many chats each agent has.
"""

import math
from itertools import combinations_with_replacement

import numpy as np


def slow_chats(arrivals, handle, agents, concurrency, slowdown, patience):
    """Return for each chat (start, end, agent), NaN and -1 for what did not happen."""
    n = len(arrivals)
    left = list(handle)  # seconds of work that each chat still needs, if it were alone
    start, end, who = [math.nan] * n, [math.nan] * n, [-1] * n
    since = {}  # agent -> turn at which the present number of chats was reached
    here, queue, done, turn, now = {a: [] for a in range(len(agents))}, [], set(), 0, -math.inf
    on_duty = set()

    def pace(agent):
        return 1 / (1 + slowdown * (len(here[agent]) - 1))

    def present(agent, t):
        return any(on <= t < off for on, off in agents[agent].shifts)

    while True:
        events = [(now + max(left[i], 0) / pace(a), 0, a, i) for a, mine in here.items() for i in mine]
        shifts = sorted((on, a) for a, agent in enumerate(agents) for on, _ in agent.shifts)
        events += [(on, 1, k, a) for k, (on, a) in enumerate(shifts) if (1, k) not in done]
        events += [(arrivals[i], 2, i, -1) for i in range(n) if (2, i) not in done]
        if not events:
            break
        at, kind, number, what = min(events)
        for a, mine in here.items():
            for i in mine:
                left[i] -= (at - now) * pace(a) if now > -math.inf else 0
        now = at
        turn += 1
        if kind == 0:
            here[number].remove(what)
            end[what] = now
            since[number] = turn
        elif kind == 1:
            done.add((1, number))
            on_duty.add(what)
            since[what] = turn
        else:
            done.add((2, number))
            queue.append(number)
        while queue:
            chat = queue[0]
            if arrivals[chat] + patience[chat] <= now:
                queue.pop(0)
                continue
            free = [a for a in here if present(a, now) and a in on_duty and len(here[a]) < concurrency]
            if not free:
                break
            agent = min(free, key=lambda a: (len(here[a]), since[a]))
            queue.pop(0)
            here[agent].append(chat)
            start[chat], who[chat] = now, agent
            turn += 1
            since[agent] = turn
    return start, end, who


def chat_chain(rate, aht, agents, concurrency, slowdown, most=400):
    """Return the chance to wait and the mean wait in seconds, by solving the chain of loads of the agents."""
    loads = [tuple(sorted(x)) for x in combinations_with_replacement(range(concurrency + 1), agents)]
    full = (concurrency,) * agents
    states = [*loads, *((full, q) for q in range(1, most))]
    place = {s: i for i, s in enumerate(states)}
    q = np.zeros((len(states), len(states)))

    def per(j):
        return j / (aht * (1 + slowdown * (j - 1))) if j else 0.0

    for s in loads:
        up = list(s)
        if s == full:
            q[place[s], place[(full, 1)]] += rate
        else:
            up[0] += 1
            q[place[s], place[tuple(sorted(up))]] += rate
        for k, j in enumerate(s):
            if j:
                down = list(s)
                down[k] -= 1
                q[place[s], place[tuple(sorted(down))]] += per(j)
    for w in range(1, most):
        if w + 1 < most:
            q[place[(full, w)], place[(full, w + 1)]] += rate
        q[place[(full, w)], place[full if w == 1 else (full, w - 1)]] += agents * per(concurrency)
    q -= np.diag(q.sum(axis=1))
    system = np.vstack([q.T, np.ones(len(states))])
    p = np.linalg.lstsq(system, np.append(np.zeros(len(states)), 1.0), rcond=None)[0]
    waiting = np.array([0.0] * len(loads) + list(range(1, most)))
    wait = p[[place[full], *range(len(loads), len(states))]].sum()
    return float(wait), float(p @ waiting / rate)
