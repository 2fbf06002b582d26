"""Waiting queues in 50 digits, the slow and obvious way: sum the states of the birth-death chain.

Run as a script it writes queues.csv, the golden file of the tests: ``python tests/oracles/queues.py``. Nothing here
is shared with the package. The share answered within the threshold is an integral over the wait that a patient
customer would have.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

from mpmath import exp, gammainc, inf, log, mp, mpf, quad, sqrt

mp.dps = 50
GOLDEN = Path(__file__).with_name("queues.csv")
INPUTS = ("calls", "aht", "agents", "interval", "threshold", "patience")
OUTPUTS = ("load", "occupancy", "wait_probability", "service_level", "mean_wait", "mean_queue", "abandonment")
STOP = mpf(10) ** -45


def upside_down_loss(a, n):
    """1 / B(n, a) by the recursion, from the fractional part of n."""
    whole = int(n)
    rest = n - whole
    value = mpf(1) if rest == 0 else a ** (-rest) * exp(a) * gammainc(rest + 1, a)
    for k in range(1, whole + 1):
        value = 1 + (rest + k) / a * value
    return value


def queue(calls, aht, agents, interval, threshold, patience):
    calls, aht, n, interval, t, patience = map(mpf, (calls, aht, agents, interval, threshold, patience))
    a = calls * aht / interval
    below = upside_down_loss(a, n) - 1  # states with somebody free, in units of the state with n busy
    if patience == inf:
        if a >= n:
            return a, mpf(1), mpf(1), mpf(0), inf, inf, mpf(0)
        waiting = n / (n - a)
        waits = waiting / (below + waiting)
        wait = waits * aht / (n - a)
        return a, a / n, waits, 1 - waits * exp(-(n - a) * t / aht), wait, calls / interval * wait, mpf(0)
    h = aht / patience
    waiting, queued, term, j = mpf(0), mpf(0), mpf(1), 0
    while True:
        waiting += term
        queued += j * term
        j += 1
        factor = a / (n + j * h)
        term *= factor
        if factor < 1 and j * term / (1 - factor) < STOP * min(waiting, queued or 1):
            break
    total = below + waiting
    mean_queue = queued / total
    lost = h * mean_queue / a
    in_time = answered(a, n, h, t / aht) / total * n  # states n + j as seen by an arrival
    return (
        a,
        a * (1 - lost) / n,
        waiting / total,
        below / total + in_time,
        lost * patience,
        mean_queue,
        lost,
    )


def answered(a, n, h, t):
    """Integral of the density of the offered wait times the patience that outlasts it, over the state n busy.

    The density at v is n times ``exp(a (1 - exp(-h v)) / h - n v)`` in those units.
    """
    peak = log(a / (n + h)) / h if a > n + h else mpf(0)
    width = 1 / max(sqrt(a * h), abs(n + h - a)) if a != n + h else 1 / sqrt(a * h)
    steps = [mpf(0), t]
    steps += [peak + k * width for k in (-30, -20, -12, -8, -5, -3, -1, 0, 1, 3, 5, 8, 12, 20, 30, 60, 100)]
    steps += [k / h for k in (mpf("0.1"), 1, 10, 30)] + [t * k / 10 for k in (1, 3, 6, 8)]
    steps = sorted({s for s in steps if 0 <= s <= t})
    return quad(lambda v: exp(a * (1 - exp(-h * v)) / h - (n + h) * v), steps)


def settings():
    """Loads of 0.001 to 500,000 Erlangs; patience of one second to a billion; near balance, idle and overloaded."""
    rng = random.Random(7)
    rows = [(100, 180, 14, 1800, 20, inf), (300, 300, 57, 1800, 20, inf), (300, 300, 51, 1800, 20, 120)]
    rows += [(100, 180, 10, 1800, 20, 300), (1, 1.8, 1, 1800, 20, inf), (0, 180, 3, 1800, 20, inf)]
    for load in (0.001, 0.03, 0.5, 2, 10, 48, 100, 300, 1000, 5000, 20000, 100000, 500000):
        for slack in (0.2, 1.5, 6.0):
            agents = max(1, round(load + slack * load**0.5))
            agents += agents <= load
            rows.append((load * 6, 300, agents, 1800, rng.choice([0, 20, 60]), inf))
        rows.append((load * 6, 300, round(load * 1.1 + rng.random(), 3), 1800, 20, inf))
    for load in (0.001, 0.03, 0.5, 2, 10, 48, 300, 1000, 5000, 20000, 100000, 500000):
        for beta in (-30.0, -3.0, 0.0, 1.5, 6.0):
            agents = max(1, round(load + beta * load**0.5))
            patience = rng.choice([1, 20, 120, 300, 3600])
            rows.append((load * 6, 300, agents, 1800, rng.choice([0, 20, 60, 300]), patience))
    for load, agents in ((2, 1.5), (48, 51.25), (300, 280.5), (0.5, 0.25)):
        rows.append((load * 6, 300, agents, 1800, 20, 120))
    for patience in (1e5, 1e7, 1e9):  # nearly nobody gives up
        rows += [(60, 300, 12, 1800, 20, patience), (6000, 300, 1010, 1800, 20, patience)]
    rows += [(60, 300, 10, 1800, 20, 1e7), (60, 300, 8, 1800, 20, 1e6), (6000, 300, 990, 1800, 60, 1e5)]
    return rows


def main():
    with GOLDEN.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*INPUTS, *OUTPUTS])
        for row in settings():
            if row[0] == 0:
                values = [0, 0, 0, 1, 0, 0, 0]
            else:
                values = [mp.nstr(v, 20, min_fixed=0, max_fixed=0) if v != inf else "inf" for v in queue(*row)]
            out.writerow([*("inf" if x == inf else repr(x) for x in row), *values])
            file.flush()


if __name__ == "__main__":
    main()
