"""The shape of each weekday, its usual volume, and the level of each day given that shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Bools, Floats
from .day_panel import DayPanel

#: Days after which a day counts half in the shape of its weekday, and in its usual volume.
SHAPE_HALF_LIFE_DAYS, BASE_HALF_LIFE_DAYS = 90.0, 180.0

#: Days of the weekday after which its own shape counts as much as that of all days, as long as nothing tells how
#: much weekdays differ; the bounds of what is then learnt of it; and the pairs of days that this takes.
SHAPE_SHRINK_DAYS, SHAPE_SHRINK_BOUNDS_DAYS, SHAPE_PAIRS = 4.0, (0.2, 30.0), 10.0

#: Days of a weekday after which its own volume counts as much as what the panel says of that weekday.
BASE_SHRINK_DAYS = 1.0

#: Arrivals a slot, as the panel has them over the day, that are added to a series' own shape.
PANEL_ARRIVALS = 0.2


@dataclass(frozen=True)
class DayShapes:
    """What a day looks like.

    Attributes
    ----------
    profile
        N x 7 x S; share of a full day's volume in each slot, by weekday (N x 1 x 1 of ones for longer slots).
    level
        N x D; volume of each day as if all of its slots had been open and known.
    known
        N x D; share of the day's volume, by the profile, that lies in known slots; 0 on closed days.
    base
        N x 7; usual level of each weekday.
    """

    profile: Floats
    level: Floats
    known: Floats
    base: Floats

    @property
    def slots(self) -> int:
        """Slots of a day."""
        return int(self.profile.shape[2])


def fit_day_shapes(panel: DayPanel, unit: Floats) -> DayShapes:
    """Learn shapes and usual volumes from the days of a panel."""
    y, days = panel.y, panel.days
    there = ~np.isnan(y)
    value = np.where(there, y, 0.0)
    age = np.arange(days - 1.0, -1.0, -1.0)
    classes = int(panel.weekday.max()) + 1
    classes = 7 if classes > 1 else 1
    if y.shape[2] == 1:
        profile = np.ones((len(y), classes, 1))
        level, known = value[:, :, 0], there[:, :, 0].astype(float)
    else:
        profile = _profile(value, there, panel, age, unit)
        level, known = _levels(value, there, panel, profile)
    base = _base(level, known, panel, age, classes)
    return DayShapes(profile, level, known, base)


def _levels(value: Floats, there: Bools, panel: DayPanel, profile: Floats) -> tuple[Floats, Floats]:
    """Return the level of each day and how much of its open share is known."""
    days = panel.days
    level, known = np.zeros(value.shape[:2]), np.zeros(value.shape[:2])
    for number in np.unique(panel.weekday[:days]):
        own = panel.weekday[:days] == number
        of_day = profile[:, number, :]
        seen = np.einsum("nds,ns->nd", there[:, own], of_day)
        opened = np.einsum("nds,ns->nd", np.broadcast_to(panel.is_open[:, :days][:, own], there[:, own].shape), of_day)
        level[:, own] = value[:, own].sum(axis=2) / np.where(seen > 0, seen, 1.0)
        known[:, own] = np.where(opened > 0, seen / np.where(opened > 0, opened, 1.0), 0.0)
    return level, np.minimum(known, 1.0)


def _profile(value: Floats, there: Bools, panel: DayPanel, age: Floats, unit: Floats) -> Floats:
    """Return the shape of each weekday, shrunk to that of all days and, where arrivals are few, to the panel's."""
    days = panel.days
    weight = 0.5 ** (age / SHAPE_HALF_LIFE_DAYS) * panel.ordinary[:days]
    if not (weight[None, :, None] * there).any():
        weight = 0.5 ** (age / SHAPE_HALF_LIFE_DAYS)
    top = np.einsum("d,nds->ns", weight, value)
    bottom = np.einsum("d,nds->ns", weight, there.astype(float))
    rough = np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), 0.0)
    total = rough.sum(axis=1, keepdims=True)
    relative = rough / np.where(total > 0, total, 1.0)
    # what the panel has over the day, each series with the weight of its root
    root = np.sqrt(total)
    common = (relative * root).sum(axis=0) / max(float(root.sum()), 1e-12)
    smallest = np.where(np.isfinite(unit), unit, 0.0)[:, None]
    prior = PANEL_ARRIVALS * value.shape[2] * smallest
    pooled = (top + prior * common) / np.maximum(
        np.where(total > 0, bottom * total, 0.0) + prior, 1e-300
    )  # share of a full day
    pooled = pooled / np.maximum(pooled.sum(axis=1, keepdims=True), 1e-300)
    seen = np.einsum("nds,ns->nd", there, pooled)
    level = np.where(seen > 0.02, value.sum(axis=2) / np.where(seen > 0, seen, 1.0), 0.0)
    share, count, mass = (np.zeros((len(value), 7, value.shape[2])) for _ in range(3))
    within, spare = np.zeros(len(value)), np.zeros(len(value))
    for number in np.unique(panel.weekday[:days]):
        chosen = panel.weekday[:days] == number
        own, held = weight[chosen], there[:, chosen]
        filled = held * level[:, chosen, None]
        mass[:, number] = np.einsum("d,nds->ns", own, filled)
        count[:, number] = np.einsum("d,nds->ns", own, held.astype(float))
        of_day = np.einsum("d,nds->ns", own, value[:, chosen]) / np.where(mass[:, number] > 0, mass[:, number], 1.0)
        share[:, number] = of_day
        # how far days of one weekday are from one another, as a share of the volume
        squares = (value[:, chosen] - filled * of_day[:, None, :]) ** 2 * own[None, :, None]
        scale = np.maximum(pooled, 1e-9)[:, None, :] * np.where(filled > 0, filled, 1.0) ** 2
        within += np.where(filled > 0, squares / scale, 0.0).sum(axis=(1, 2))
        spare += np.maximum(count[:, number] - 1.0, 0.0).sum(axis=1)
    shrink = _shape_shrink(share, count, pooled, within, spare)
    trust = np.where(mass > 0, count / (count + shrink[:, None, None]), 0.0)
    profile: Floats = trust * share + (1 - trust) * pooled[:, None, :]
    return profile


def _shape_shrink(share: Floats, count: Floats, pooled: Floats, within: Floats, spare: Floats) -> Floats:
    """Return after how many days a weekday's own shape counts as much as that of all days.

    That is the variance between days of one weekday over that between weekdays (Efron and Morris 1973).
    """
    noise = within / np.where(spare > 0, spare, 1.0)
    used = count >= 1.0
    gap = np.where(used, (share - pooled[:, None, :]) ** 2 / np.maximum(pooled, 1e-9)[:, None, :], 0.0)
    expected = np.where(used, noise[:, None, None] / np.maximum(count, 1.0), 0.0)
    between = (gap - expected).sum(axis=(1, 2)) / np.maximum(used.sum(axis=(1, 2)), 1)
    learnt = np.clip(noise / np.maximum(between, 1e-12), *SHAPE_SHRINK_BOUNDS_DAYS)
    pairs = spare / pooled.shape[1]
    sure = pairs / (pairs + SHAPE_PAIRS)
    shrink: Floats = np.exp(sure * np.log(learnt) + (1 - sure) * np.log(SHAPE_SHRINK_DAYS))
    return shrink


def _base(level: Floats, known: Floats, panel: DayPanel, age: Floats, classes: int) -> Floats:
    """Return the usual level of each weekday, shrunk to the series' mean times what the panel has on that weekday."""
    days = panel.days
    sure = np.where(known > 0.5, known, 0.0)
    ordinary = sure * panel.ordinary[:days]
    sure = np.where((ordinary > 0).any(axis=1, keepdims=True), ordinary, sure)
    weight = sure * 0.5 ** (age / BASE_HALF_LIFE_DAYS)
    top, bottom = np.zeros((len(level), classes)), np.zeros((len(level), classes))
    for number in range(classes):
        own = panel.weekday[:days] == number
        top[:, number] = (weight[:, own] * level[:, own]).sum(axis=1)
        bottom[:, number] = weight[:, own].sum(axis=1)
    seen = bottom > 0
    mean = np.where(seen, top / np.where(seen, bottom, 1.0), 0.0)
    own_mean = mean.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    relative = mean / np.where(own_mean > 0, own_mean, 1.0)[:, None]
    votes = seen * np.sqrt(np.maximum(own_mean, 0.0))[:, None]
    common = (votes * relative).sum(axis=0) / np.maximum(votes.sum(axis=0), 1e-300)
    common = np.where(votes.sum(axis=0) > 0, common, 1.0)
    level_of = own_mean / np.maximum((common * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1), 1e-12)
    towards = np.where((own_mean > 0)[:, None], level_of[:, None] * common, 0.0)
    shrunk: Floats = (top + BASE_SHRINK_DAYS * towards) / (bottom + BASE_SHRINK_DAYS)
    return np.where(seen & (mean == 0), 0.0, shrunk)
