"""What a queue in balance does, from the weight of its states with somebody free and the density of its waits."""

from __future__ import annotations

import numpy as np

from ...features.arrays import Floats
from ...features.errors import InputError, did_you_mean
from .abandonment import discrete_waits, mixture_waits
from .patience import DiscretePatience, PatienceShape
from .waiting import WaitIntegrals, wait_integrals

PERFORMANCE_COLUMNS = (
    "load",
    "occupancy",
    "wait_probability",
    "service_level",
    "mean_wait",
    "mean_queue",
    "abandonment",
)
EXTRA_PERFORMANCE_COLUMNS = ("mean_wait_waiting",)
SERVICE_LEVEL_DEFINITIONS = ("offered", "answered", "short_abandons_met", "short_abandons_excluded")


def check_definition(definition: str) -> None:
    """Refuse a service-level definition that has no such name.

    >>> check_definition("ofered")
    Traceback (most recent call last):
    deskcast.features.errors.InputError: argument 'definition': unknown definition; got 'ofered' (did you mean 'offered'?)
    """  # noqa: E501 - the message is one line by design
    if definition not in SERVICE_LEVEL_DEFINITIONS:
        hint = did_you_mean(str(definition), SERVICE_LEVEL_DEFINITIONS)
        raise InputError(
            "unknown definition",
            where="argument 'definition'",
            got=definition,
            hint=hint,
            code="value.unknown",
        )


def compute_steady_state(
    a: Floats,
    n: Floats,
    gap: Floats,
    weight: Floats,
    aht: Floats,
    threshold: Floats,
    patience: Floats,
    shape: PatienceShape | None,
    definition: str = "offered",
) -> dict[str, Floats]:
    """Return the columns of performance, for checked flat arrays of one length.

    Parameters
    ----------
    a
        Offered load in Erlangs.
    n
        Rate at which a full house serves, in handle times (the agents, where each has one call).
    gap
        ``n - a``, exact.
    weight
        All states with room, over the last of them (see ``waiting``).
    aht, threshold, patience
        Seconds; patience is the scale of ``shape``, or the mean where that is ``None`` (exponential).
    shape
        Distribution of patience.
    definition
        One of ``SERVICE_LEVEL_DEFINITIONS``.
    """
    out = {name: np.zeros_like(a) for name in (*PERFORMANCE_COLUMNS, *EXTRA_PERFORMANCE_COLUMNS)}
    out["load"], out["service_level"] = a, np.ones_like(a)
    patient, calling = np.isinf(patience), a > 0
    never = shape.never_share if isinstance(shape, DiscretePatience) else 0.0
    endless = calling & ~patient & (a * never >= n) if never else np.zeros_like(calling)
    impatient = calling & ~patient & ~endless
    rows = calling & patient
    if rows.any():
        _put(out, rows, _patient(*(x[rows] for x in (a, n, gap, weight, aht, threshold))))
    rows = impatient & (n > 0)
    if rows.any():
        own = [x[rows] for x in (a, n, gap, weight, aht, threshold, patience)]
        _put(out, rows, _impatient(shape, definition, *own))
    rows = impatient & (n == 0)
    if rows.any():
        _put(out, rows, _nobody_there(shape, definition, *(x[rows] for x in (a, aht, threshold, patience))))
    if endless.any():
        _put(out, endless, _overload(a[endless]) | {"abandonment": np.full(int(endless.sum()), 1 - never)})
    return out


def _put(out: dict[str, Floats], rows: np.ndarray, parts: dict[str, Floats]) -> None:
    for name, values in parts.items():
        out[name][rows] = values


def _patient(a: Floats, n: Floats, gap: Floats, weight: Floats, aht: Floats, t: Floats) -> dict[str, Floats]:
    """Nobody gives up: all four definitions of the service level agree."""
    stable = gap > 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        odds = gap / a * weight
        waits = np.where(stable, 1 / (1 + odds), 1.0)
        free = np.where(stable, 1 / (1 + 1 / odds), 0.0)  # the complement, with a relative accuracy of its own
        each = np.where(stable, aht / gap, np.inf)
        wait = np.where(stable, waits * each, np.inf)
        return {
            "occupancy": np.where(stable, a / n, 1.0),
            "wait_probability": waits,
            "service_level": np.where(stable, np.minimum(free + waits * -np.expm1(-gap * t / aht), 1.0), 0.0),
            "mean_wait": wait,
            "mean_queue": wait * (a / aht),
            "mean_wait_waiting": each,
        }


def _impatient(
    shape: PatienceShape | None,
    definition: str,
    a: Floats,
    n: Floats,
    gap: Floats,
    weight: Floats,
    aht: Floats,
    t: Floats,
    patience: Floats,
) -> dict[str, Floats]:
    scale, limit = patience / aht, t / aht
    parts = _integrals(a, n, gap, scale, limit, shape, definition.startswith("short"))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        free = weight * np.exp(-parts.top)
        total = free + a * parts.whole
        lost = a * parts.given_up / total
        handled = np.where(
            weight > 1, a * parts.whole / total + a / n * (weight - 1) / weight * free / total, a / n * (1 - lost)
        )
        handled = np.where(np.isinf(free), a / n, handled)
        met = np.minimum(1 / (1 + a * parts.whole / free) + a * parts.in_time / total, 1.0)
        wait = a * parts.waited / total
        out = {
            "occupancy": np.minimum(handled, 1.0),
            "wait_probability": 1 / (1 + free / (a * parts.whole)),
            "service_level": met,
            "mean_wait": wait * aht,
            "mean_queue": wait * a,
            "abandonment": lost,
            "mean_wait_waiting": parts.waited / parts.whole * aht,
        }
        if definition == "answered":
            served = np.where(lost < 0.5, 1 - lost, (free + n * parts.whole - np.exp(-parts.top)) / total)
            out["service_level"] = np.minimum(met / served, 1.0)
        elif definition != "offered":
            gone, stay = _gone(limit, scale, shape)
            early = a * (parts.left_before + gone * parts.beyond) / total
            late = a * stay * parts.beyond / total
            out["service_level"] = np.minimum(met + early if definition.endswith("met") else met / (met + late), 1.0)
    return out


def _integrals(
    a: Floats, n: Floats, gap: Floats, scale: Floats, t: Floats, shape: PatienceShape | None, ends: bool
) -> WaitIntegrals:
    if shape is None:
        return wait_integrals(a, n, gap, 1 / scale, t, ends)
    if isinstance(shape, DiscretePatience):
        return discrete_waits(a, n, gap, scale, t, shape)
    return mixture_waits(a, n, gap, scale, t, shape)


def _gone(t: Floats, scale: Floats, shape: PatienceShape | None) -> tuple[Floats, Floats]:
    """Return the shares of callers who have given up by ``t`` and who have not."""
    if shape is None:
        return -np.expm1(-t / scale), np.exp(-t / scale)
    gone = shape.gone(t / scale)
    return gone, 1 - gone if isinstance(shape, DiscretePatience) else shape.left(t / scale)


def _nobody_there(
    shape: PatienceShape | None, definition: str, a: Floats, aht: Floats, t: Floats, patience: Floats
) -> dict[str, Floats]:
    one = np.ones_like(a)
    mean = patience * (1.0 if shape is None else shape.mean)
    gone, _ = _gone(t, patience, shape)
    return {
        "occupancy": one,
        "wait_probability": one,
        "service_level": gone if definition == "short_abandons_met" else 0 * one,
        "mean_wait": mean,
        "mean_queue": a * mean / aht,
        "abandonment": one,
        "mean_wait_waiting": mean,
    }


def _overload(a: Floats) -> dict[str, Floats]:
    one = np.ones_like(a)
    endless = dict.fromkeys(("mean_wait", "mean_queue", "mean_wait_waiting"), np.inf * one)
    return {"occupancy": one, "wait_probability": one, "service_level": 0 * one, **endless}
