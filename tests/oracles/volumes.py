"""Volume forecasts the slow, obvious way: one slot at a time, by looking up stamps."""

import statistics

import numpy as np
import pandas as pd


def slow_same_slot(history, targets, origin, ordinary=lambda day: True, is_open=lambda stamp: True):
    """Average, for each target stamp, the latest eight same slots of the week before the origin that count."""
    values = {stamp: y for stamp, y in zip(history["ds"], history["y"], strict=True) if y == y}
    found = []
    for target in targets:
        if not is_open(target):
            found.append(0.0)
            continue
        stamp, taken = target, []
        while stamp >= origin - pd.Timedelta(weeks=26) and len(taken) < 8:
            if stamp < origin and stamp in values and ordinary(stamp) and is_open(stamp):
                taken.append(values[stamp])
            stamp -= pd.Timedelta(weeks=1)
        found.append(sum(taken) / len(taken) if taken else np.nan)
    return np.array(found)


def panel(seed=0, series=3, days=140, freq="D", level=50.0, start="2024-01-01"):
    """Return a panel of Poisson counts with a week in it."""
    rng = np.random.default_rng(seed)
    per_day = {"D": 1, "h": 24, "30min": 48}[freq]
    stamps = pd.date_range(start, periods=days * per_day, freq=freq)
    week = np.array([1.3, 1.1, 1.0, 1.0, 0.9, 0.4, 0.2])[stamps.day_of_week]
    hours = stamps.hour.to_numpy()
    shape = week if per_day == 1 else week * np.where((hours >= 7) & (hours < 20), 1.0 + 0.05 * hours, 0.1)
    frames = [
        pd.DataFrame({"unique_id": f"s{i}", "ds": stamps, "y": rng.poisson(level * (i + 1) * shape).astype(float)})
        for i in range(series)
    ]
    return pd.concat(frames, ignore_index=True)


def _slow_calm(came, usual):
    """Bring days that usually hold less than .6 of a mean day near the seven days before them, one day at a time."""
    known = [u for u in usual if u > 0]
    trust = [u / (sum(known) / len(known)) for u in usual]
    ratio = [c / u if u > 0 else 0.0 for c, u in zip(came, usual, strict=True)]
    near = []
    for day in range(len(came)):
        before = range(max(day - 7, 0), day)
        heard = sum(trust[b] for b in before)
        near.append(sum(trust[b] * ratio[b] for b in before) / heard if heard > 1 else ratio[day])
    gaps = [abs(r - n) for r, n in zip(ratio, near, strict=True)]
    size = (sum(t * g**2 for t, g in zip(trust, gaps, strict=True)) / sum(trust)) ** 0.5
    middle = 1.4826 * statistics.median(g for g, t in zip(gaps, trust, strict=True) if t > 0)
    limit = 2.5 * (min(size, middle) if middle > 0 else size)
    apart = [r - n for r, n in zip(ratio, near, strict=True)]
    held = [n + (a if abs(a) <= limit else limit**2 / a) for n, a in zip(near, apart, strict=True)]
    return [h * u if 0 < t < 0.6 else c for h, u, t, c in zip(held, usual, trust, came, strict=True)]


def slow_recent_week(y):
    """Move the discounted week of daily values to the level of the last days, one value at a time."""
    size = len(y)
    week = []
    for lead in range(7):
        top = bottom = 0.0
        for back in range(1, 27):
            place = size + lead - 7 * back
            if place >= 0:
                top += 0.9 ** (back - 1) * y[place]
                bottom += 0.9 ** (back - 1)
        week.append(top / bottom)
    came = expected = squares = total = 0.0
    ages = range(min(42, size))
    usual_of = [week[(-1 - age) % 7] for age in ages]
    few = 4 * min(value for value in y[-26 * 7 :] if value > 0)
    cut = [min(y[size - 1 - age], max(5 * usual_of[age], few)) for age in ages]
    calm = _slow_calm(cut[::-1], usual_of[::-1])[::-1]
    for age in ages:
        usual, lately = usual_of[age], calm[age]
        came += 0.8**age * lately
        expected += 0.8**age * usual
        squares += (lately - usual) ** 2
        total += usual
    prior = 10 * squares / total
    level = ((came + prior) / (expected + prior)) ** 0.7
    return [value * level for value in week]
