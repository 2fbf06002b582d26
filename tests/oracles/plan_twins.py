"""Slow, obvious twins of the plans: one case after the other, one plan after the other."""

from itertools import product


def deadline_first(arrivals, due, capacity, old=()):
    """One path: ``arrivals[c][k]`` is the work of a class that comes in a slot; returns late and left by slot."""
    waiting = [[d, -1, w] for w, d in old]
    late, left = [], []
    for k, room in enumerate(capacity):
        waiting += [[due[c][k], k, work[k]] for c, work in enumerate(arrivals) if work[k] > 0]
        waiting.sort(key=lambda item: item[:2])
        for item in waiting:
            done = min(item[2], room)
            item[2] -= done
            room -= done
        waiting = [item for item in waiting if item[2] > 1e-9]
        late.append(sum(item[2] for item in waiting if item[0] == k))
        left.append(sum(item[2] for item in waiting))
    return late, left


def cheapest_staffing(arrivals, due, per_agent, most, end_work):
    """The fewest agent slots that keep every promise and leave at most ``end_work``, by trying all."""
    best = None
    for agents in product(*(range(m + 1) for m in most)):
        late, left = deadline_first(arrivals, due, [a * p for a, p in zip(agents, per_agent, strict=True)])
        if max(late) < 1e-9 and left[-1] <= end_work + 1e-9 and (best is None or sum(agents) < best):
            best = sum(agents)
    return best


def cheapest_cover(columns, need, cost, price, most, allowed=lambda people: True):
    """The least cost of whole people with priced shortfall, by trying all up to ``most`` of each pattern."""
    best = None
    for people in product(range(most + 1), repeat=len(columns)):
        if not allowed(people):
            continue
        there = [sum(p * c[i] for p, c in zip(people, columns, strict=True)) for i in range(len(need))]
        total = sum(p * c for p, c in zip(people, cost, strict=True))
        total += sum(max(n - t, 0) * v for n, t, v in zip(need, there, price, strict=True))
        best = total if best is None or total < best else best
    return best
