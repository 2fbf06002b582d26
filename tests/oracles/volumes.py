"""Volume forecasts the slow, obvious way: one slot at a time, by looking up stamps."""

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
    for age in range(min(42, size)):
        usual = week[(-1 - age) % 7]
        lately = min(y[size - 1 - age], 5 * usual)
        came += 0.8**age * lately
        expected += 0.8**age * usual
        squares += (lately - usual) ** 2
        total += usual
    prior = 10 * squares / total
    level = ((came + prior) / (expected + prior)) ** 0.7
    return [value * level for value in week]
