"""The queue of ``deskcast.forecasting.simulation.queue`` told the long way: look at everything again at each event."""

import math


def slow_queue(arrivals, handle, agents, skill, priority, patience, after, held_from, held_until, until):
    """Return for each item (arrived, start, end, agent, outcome), NaN and -1 for what did not happen."""
    n = len(arrivals)
    arrived, start, end, who = [None] * n, [None] * n, [None] * n, [-1] * n
    place = {}  # item -> its turn in the queue
    working = {}  # agent -> item
    idle_since = {}  # agent -> turn
    leaves = {}  # agent -> end of the stretch in which it became idle
    happened = set()
    turn = 0

    def present(agent, now):
        return any(on <= now < off for on, off in agents[agent].shifts)

    def held(item, now):
        return held_from[item] <= now < held_until[item]

    def gone(item, now):
        return arrived[item] + patience[item] <= now

    def begin(item, agent, now):
        nonlocal turn
        start[item], end[item], who[item] = now, now + handle[item], agent
        working[agent] = item
        idle_since.pop(agent, None)
        place.pop(item, None)

    def look_for_work(agent, now):
        nonlocal turn
        able = [i for i in place if skill[i] in agents[agent].skills and not held(i, now) and not gone(i, now)]
        if able:
            begin(min(able, key=lambda i: (priority[i], place[i])), agent, now)
        else:
            turn += 1
            idle_since[agent] = turn
            leaves[agent] = next(off for on, off in agents[agent].shifts if on <= now < off)

    def look_for_agent(item, now):
        free = [a for a in idle_since if now < leaves[a] and skill[item] in agents[a].skills and not held(item, now)]
        if free:
            begin(
                item,
                min(free, key=lambda a: (len(agents[a].skills), tuple(sorted(agents[a].skills)), idle_since[a])),
                now,
            )

    while True:
        events = []
        events += [(end[i], 0, a, i) for a, i in working.items()]
        for i in range(n):
            if after[i] < 0:
                events.append((arrivals[i], 3, i, "come"))
            elif end[after[i]] is not None and ("ended", after[i]) in happened:
                events.append((end[after[i]] + arrivals[i], 1, i, "come"))
            if arrived[i] is not None and held_until[i] > held_from[i] and held_until[i] >= arrived[i]:
                events.append((held_until[i], -1, i, "released"))
        shifts = sorted((on, a, off) for a, agent in enumerate(agents) for on, off in agent.shifts)
        events += [(on, 2, k, "shift") for k, (on, a, off) in enumerate(shifts)]
        events = [e for e in events if e not in happened]
        if not events or min(events)[0] > until:
            break
        event = min(events)
        now, kind, number, what = event
        happened.add(event)
        if kind == 0:
            item = working.pop(number)
            happened.add(("ended", item))
            if present(number, now):
                look_for_work(number, now)
        elif what == "shift":
            agent = shifts[number][1]
            if agent not in working:
                idle_since.pop(agent, None)
                look_for_work(agent, now)
        elif what == "come":
            arrived[number] = now
            turn += 1
            place[number] = turn
            look_for_agent(number, now)
        elif number in place and not gone(number, now):
            look_for_agent(number, now)

    rows = []
    for i in range(n):
        if start[i] is not None:
            rows.append((arrived[i], start[i], end[i], who[i], "served"))
        elif arrived[i] is None:
            rows.append((math.nan, math.nan, math.nan, -1, "not arrived"))
        elif arrived[i] + patience[i] <= until and patience[i] < math.inf:
            rows.append((arrived[i], math.nan, arrived[i] + patience[i], -1, "abandoned"))
        else:
            rows.append((arrived[i], math.nan, math.nan, -1, "waiting"))
    return rows
