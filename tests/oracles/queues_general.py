"""Other patience than exponential, and chats, in 50 digits: integrals and sums of states, written out.

Run as a script it writes queues_patience.csv and queues_chat.csv. Nothing here is shared with the package: the wait
of a patient customer is integrated from its density with the plain distribution function, and a chat queue is the sum
over its states, agent by agent.
"""

# ruff: noqa: E731 - the formulas stand as one would write them

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

from mpmath import betainc, exp, factorial, gammainc, inf, mp, mpf, quad
from queues import upside_down_loss

mp.dps = 40
HERE = Path(__file__).parent
COLUMNS = ("load", "occupancy", "wait_probability", "service_level", "mean_wait", "mean_queue", "abandonment")
LEVELS = ("answered", "short_abandons_met", "short_abandons_excluded")
PATIENCE_INPUTS = ("model", "calls", "aht", "agents", "threshold", "p1", "p2", "p3", "p4")
CHAT_INPUTS = ("chats", "aht", "agents", "concurrency", "slowdown", "threshold", "patience")
INTERVAL = mpf(1800)


def staying(model, p):
    """Share still waiting after x seconds, the mean of the shorter of x and patience, and where they bend."""
    p = [mpf(x) for x in p if x != ""]
    if model == "fixed":
        return lambda x: mpf(x < p[0]), lambda x: min(x, p[0]), [p[0]]
    if model == "two":  # a share p[0] leaves after p[1], the others after p[2]
        left = lambda x: p[0] * (x < p[1]) + (1 - p[0]) * (x < p[2])
        return left, lambda x: p[0] * min(x, p[1]) + (1 - p[0]) * min(x, p[2]), [p[1], p[2]]
    if model == "erlang":
        mean, k = p[0], int(p[1])
        rate = k / mean
        left = lambda x: exp(-rate * x) * sum((rate * x) ** j / factorial(j) for j in range(k))
        waits = lambda x: (
            sum(1 - exp(-rate * x) * sum((rate * x) ** i / factorial(i) for i in range(j + 1)) for j in range(k)) / rate
        )
        return left, waits, [mean * f for f in (0.05, 0.2, 0.5, 1, 2, 4)]
    share, short, long_ = p  # hyperexponential
    left = lambda x: share * exp(-x / short) + (1 - share) * exp(-x / long_)
    waits = lambda x: share * short * (1 - exp(-x / short)) + (1 - share) * long_ * (1 - exp(-x / long_))
    return left, waits, [m * f for m in (short, long_) for f in (0.1, 0.3, 1, 3, 10)]


def bends(phi, slope, bend, t):
    """Points between which the density is integrated: steps of its own width around its peak, and every bend."""
    low, high = mpf(0), mpf(1)
    if slope(mpf(0)) > 0:
        while slope(high) > 0:
            high *= 2
        for _ in range(160):
            middle = (low + high) / 2
            low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    peak, top = low, phi(low)

    def reach(side, depth):
        step = mpf(10) ** -9
        while top - phi(peak + side * step) < depth:
            step *= 2
            if side < 0 and step >= peak:
                return mpf(0)
        return peak + side * step

    depths = (mpf("0.1"), 1, 3, 8, 20, 45, 90, 160)
    points = [peak, *bend, t] + [reach(1, d) for d in depths]
    points += [reach(-1, d) for d in depths] if peak > 0 else [mpf(0)]
    if t < peak:  # the little before an early threshold has a width of its own
        points += [t - mpf(d) / slope(t) for d in (0.1, 1, 3, 8, 20, 45, 90)]
    last = max(reach(1, depths[-1]), *(bend if len(bend) < 3 else [mpf(0)]))
    inner = sorted({x for x in points if 0 <= x <= last})
    return top, inner


def general(model, calls, aht, agents, threshold, *p):
    lam, mu, n, t = mpf(calls) / INTERVAL, 1 / mpf(aht), mpf(agents), mpf(threshold)
    left, waits, bend = staying(model, p)
    phi = lambda x: lam * waits(x) - n * mu * x
    top, points = bends(phi, lambda x: lam * left(x) - n * mu, bend, t)
    jumps = model in ("fixed", "two")  # the share who stay is then constant between the points

    def piece(f, u, v):
        return quad(lambda x: (f((u + v) / 2) if jumps and f is not waits else f(x)) * exp(phi(x) - top), [u, v])

    value = lambda f, pts: sum(piece(f, u, v) for u, v in pairwise(pts))
    early, late = [x for x in points if x <= t], [x for x in points if x >= t]
    early = early or [mpf(0)]
    one = lambda x: mpf(1)
    whole = value(one, points)
    free = (
        upside_down_loss(lam / mu, n - 1) * exp(-top) / lam if n > 1 else exp(-top) / lam * weight_of_one(lam / mu, n)
    )
    total = free + whole
    lost = value(lambda x: 1 - left(x), points) / total
    met = free / total + value(left, early) / total
    beyond = value(one, late) / total if len(late) > 1 else mpf(0)
    soon = value(lambda x: 1 - left(x), early) / total + (1 - left(t)) * beyond
    wait = value(waits, points) / total
    a = lam / mu
    levels = (met / (1 - lost), met + soon, met / (1 - soon))
    return (a, a * (1 - lost) / n, whole / total, met, wait, lam * wait, lost), levels


def weight_of_one(a, n):
    """The integral of a exp(-a t) (1 + t)^(n - 1): upside_down_loss continued below one line."""
    return a ** (1 - n) * exp(a) * gammainc(n, a)


def chat(chats, aht, agents, concurrency, slowdown, threshold, patience):
    lam, t, n, c, s = mpf(chats) / INTERVAL, mpf(threshold), int(agents), int(concurrency), mpf(slowdown)
    theta = mpf(0) if patience == inf else 1 / mpf(patience)

    def rate(k):
        """All agents' chats ended a second: some have floor(k / n), some one more."""
        more = k % n
        per = lambda j: j / (mpf(aht) * (1 + s * (j - 1))) if j else mpf(0)
        return (n - more) * per(k // n) + more * per(k // n + 1)

    full = n * c
    weights = [mpf(1)]
    for k in range(1, full + 1):
        weights.append(weights[-1] * lam / rate(k))
    rate_full = rate(full)
    queue = [weights[full]]  # weights with 0, 1, 2 ... waiting
    if not theta and lam >= rate_full:
        return None
    while len(queue) < 50 or queue[-1] > mpf(10) ** -45 * max(queue):
        queue.append(queue[-1] * lam / (rate_full + theta * len(queue)))
    total = sum(weights[:full]) + sum(queue)
    wait_probability = sum(queue) / total
    mean_queue = sum(j * w for j, w in enumerate(queue)) / total
    lost = theta * mean_queue / lam
    busy = (sum(w * min(k, n) for k, w in enumerate(weights[:full])) / n + sum(queue)) / total
    held = (sum(w * mpf(k) for k, w in enumerate(weights[:full])) + sum(queue) * full) / total / n
    met = (
        sum(weights[:full]) / total
        + sum(served(j, rate_full, theta, t) * w for j, w in enumerate(queue) if w > max(queue) * mpf(10) ** -32)
        / total
    )
    a = lam * mpf(aht)
    return a, busy, wait_probability, met, mean_queue / lam, mean_queue, lost, held


def served(ahead, rate, theta, t):
    """Chance that somebody with so many before them gets a place by t: each step down is exponential.

    Without giving up it is an Erlang distribution. With it, the steps have rates rate + theta i, i = 0 .. ahead, and
    the customer's own patience runs beside: the integral over the time of the last step.
    """
    if t == 0:
        return mpf(0)
    if not theta:
        return gammainc(ahead + 1, 0, rate * t, regularized=True)
    # with u = 1 - exp(-theta x), steps rate + i theta for i = 0 .. ahead have the beta density in u
    x = 1 - exp(-theta * t)
    b = rate / theta
    front = rate
    for i in range(1, ahead + 1):
        front *= (rate + i * theta) / (i * theta)
    return front / theta * betainc(ahead + 1, b + 1, 0, x)


def patience_settings():
    rows = []
    loads = (
        (0.5, 1),
        (2, 3),
        (10, 10),
        (10, 8.5),
        (50, 52),
        (48, 40),
        (300, 305),
        (1000, 930),
        (5000, 5020),
        (20000, 19900),
    )
    for i, (load, agents) in enumerate(loads):
        threshold = (20, 0, 60, 300)[i % 4]
        for model, p in (
            ("fixed", ((30,), (120,), (600,))[i % 3]),
            ("two", (0.25, 15, 240)),
            ("erlang", (120, 2 + i % 4)),
            ("erlang", (600, 3)),
            ("hyper", (0.4, 10, 400)),
        ):
            rows.append((model, load * 6, 300, agents, threshold, *p, *[""] * (4 - len(p))))
    for model, p in (
        ("fixed", (1,)),
        ("fixed", (1e6,)),
        ("erlang", (1e6, 2)),
        ("erlang", (1, 2)),
        ("hyper", (0.5, 1, 1e5)),
    ):
        for load, agents in ((0.001, 1), (50, 55), (500_000, 500_400)):
            rows.append((model, load * 6, 300, agents, 20, *p, *[""] * (4 - len(p))))
    for model, p in (("fixed", (120,)), ("erlang", (120, 2)), ("hyper", (0.4, 10, 400))):
        rows.append((model, 500_000 * 6, 300, 450_000, 20, *p, *[""] * (4 - len(p))))
    return rows


def chat_settings():
    rows = []
    for i, (load, agents) in enumerate(
        ((0.01, 1), (1, 1), (5, 3), (20, 12), (20, 9), (60, 32), (100, 62), (300, 170), (1000, 560))
    ):
        for concurrency, slowdown in ((1, 0.3), (2, 0), (2, 0.3), (3, 0.15), (4, 0.4), (6, 0.1)):
            patience = (inf, 120, 600)[(i + concurrency) % 3]
            rows.append((load * 6, 300, agents, concurrency, slowdown, (20, 60, 0)[i % 3], patience))
    return rows


def write(name, header, rows):
    with (HERE / name).open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        for given, values in rows:
            texts = [mp.nstr(v, 18, min_fixed=0, max_fixed=0) for v in values]
            out.writerow([*("inf" if x == inf else x for x in given), *texts])
            file.flush()


def main():
    found = ((row, chat(*row)) for row in chat_settings())
    write("queues_chat.csv", [*CHAT_INPUTS, *COLUMNS, "open_chats"], ((r, v) for r, v in found if v))
    rows = ((row, sum(general(*row), ())) for row in patience_settings())
    write("queues_patience.csv", [*PATIENCE_INPUTS, *COLUMNS, *LEVELS], rows)


if __name__ == "__main__":
    main()
