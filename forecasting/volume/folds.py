"""Every method at every origin, and what the errors of earlier origins say about the next forecast."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import process_time

import numpy as np

from ...features.arrays import Bools, Floats, Ints
from ...features.plugins import PluginError, PluginWarning
from ..grid.frequency import SlotFrequency
from ..grid.grid import Grid
from ..grid.special_days import SpecialDays
from ..methods.own_methods import find_unsaid
from ..methods.registry import NAIVE_METHODS, candidates_on
from ..one_thread import use_one_blas_thread
from .combination import MIN_ORIGINS, Combination, assign_volume_tiers, choose_combination
from .error_sizes import compute_error_scale, fit_error_exponent, fit_error_growth
from .intervals import apply_intervals, assign_zero_tiers, calibrate_intervals
from .method_forecasts import MethodForecasts, forecast_all_methods
from .request import ForecastRequest

#: Leads of days, weeks and months whose errors are pooled, the most first.
LEADS_A_BLOCK = {"D": (28, 14, 7), "W": (4,), "MS": (3,)}

#: Lengths of a block that the history must have.
MIN_HISTORY_BLOCKS = 6.5


@dataclass(frozen=True)
class Fold:
    """What is forecast at one origin.

    Attributes
    ----------
    origin
        First slot that is forecast.
    points, edges
        By method: N x H forecasts, and N x H x K quantiles (of the recommended forecast and of those asked for).
    chosen
        Key of the recommended forecast in both: the names of the methods that it is made of.
    mix
        Their weights, and what they would have forecast at the earlier origins.
    sizes
        (1 + O) x N x H; spread of the recommended forecast here and at the earlier origins.
    now
        The outlook of every method at the origin.
    origins, days
        How many earlier origins, and distinct days of errors, the intervals rest on.
    seconds
        CPU seconds by method, with the forecasts at the earlier origins that choice and intervals need.
    blocks, made, power
        Blocks of leads that the intervals rest on, the recommended forecast at the earlier origins, and the power by
        which its errors grow with the forecast beyond the root.
    failed
        Users' methods that were tried unasked and left out, and why.
    """

    origin: int
    points: dict[str, Floats]
    edges: dict[str, Floats]
    chosen: str
    combination: Combination
    sizes: Floats
    now: MethodForecasts
    origins: int
    days: int
    seconds: dict[str, float] = field(compare=False)
    blocks: tuple[_LeadBlock, ...] = ()
    made: dict[int, Floats] = field(default_factory=dict, compare=False)
    power: Floats | float = 0.0
    failed: dict[str, PluginError] = field(default_factory=dict, compare=False)

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Return the quantiles of the recommended forecast at other levels, N x H x K, as it is issued."""
        given = self.combination, self.made, self.now, self.points[self.chosen], self.power, levels
        return np.concatenate([each.edges(self.chosen, *given) for each in self.blocks], axis=1)


def find_past_origins(frequency: SlotFrequency, origin: int, horizon: int, windows: int) -> list[int]:
    """Return the origins whose forecasts were over at this one, the latest first.

    Steps are one week (one slot, where a slot is a week or more), so that past errors were made at the same slots
    of the week as the coming ones. Where fewer than half of the windows (or than three) have two weeks before them,
    steps are the horizon in whole days, and less history is accepted.

    >>> from deskcast.forecasting.grid.frequency import parse_frequency
    >>> find_past_origins(parse_frequency("D"), 60, 14, 3), find_past_origins(parse_frequency("D"), 20, 2, 3)
    ([46, 39, 32], [18, 16, 14])
    """
    week, day = frequency.season, frequency.slots_per_day
    short = min(week, day * -(-horizon // day))
    least = [(week, 2 * week), (short, 2 * week), (short, week), (short, 2)]
    if week == 1:
        least = [(1, frequency.year), (1, frequency.average), (1, 2)]
    best: list[int] = []
    for step, need in least:
        latest = origin - step * -(-horizon // step)
        found = list(range(latest, need - 1, -step))[:windows]
        best = max(best, found, key=len)
        if len(best) >= min(max(MIN_ORIGINS, -(-windows // 2)), windows):
            return best
    return best


@use_one_blas_thread()
def forecast_fold(
    request: ForecastRequest,
    grid: Grid,
    special: SpecialDays,
    origin: int,
    seen: dict[int, MethodForecasts],
    shown: Sequence[str] = (),
    nearer: dict[int, MethodForecasts] | None = None,
) -> Fold:
    """Forecast at an origin, with intervals and the choice of methods from the errors of earlier origins.

    The interval of a lead rests on the errors of its block of leads (see :func:`lead_blocks`), from the latest origins
    whose forecasts of that block were over, so that it does not depend on how far ahead the whole forecast goes.

    ``seen`` keeps the outlooks of origins between calls: they do not depend on who asks; ``nearer`` keeps those of the
    origins that only the first blocks of leads can use. Methods in ``shown`` get intervals of their own, beside the
    recommended forecast.
    """
    asked, horizon, windows = request.candidates, request.horizon, request.windows
    candidates = candidates_on(grid, asked)
    methods = list(dict.fromkeys([*NAIVE_METHODS, *candidates, *shown]))
    past = _drop_short_histories(find_past_origins(grid.frequency, origin, horizon, windows), origin)
    for o in [origin, *past]:
        if o not in seen or any(name not in seen[o].points for name in methods):
            seen[o] = forecast_all_methods(grid, special, o, horizon, methods, seen.get(o))
    now, then = seen[origin], [seen[o] for o in past]
    failed = _find_failed(grid, methods, now, then)
    if failed:
        name_failed(failed, asked)
        methods = [m for m in methods if m not in failed]
        candidates, shown = (tuple(m for m in names if m not in failed) for names in (candidates, shown))
    targets = np.array(past, dtype=np.int64)[:, None] + np.arange(horizon)
    days = grid.days(targets)
    outcome = credible_outcomes(grid, targets, [each.quiet for each in then], now.limit)
    begun = process_time()
    made = {name: _stack([each.points[name] for each in then], outcome) for name in candidates}
    mix = _mix(made, outcome, now, days)
    points = now.points | {mix.label: mix.of(now.points)}
    own = power = _power(mix.past, outcome, now)
    sizes = _sizes(np.vstack([points[mix.label][None], mix.past]), now, power)
    edges, seconds = {}, {}
    known, kept = {o: seen[o] for o in past}, {} if nearer is None else nearer
    blocks = [
        _LeadBlock.of(grid, special, origin, horizon, place, windows, methods, known, kept, now.limit)
        for place in lead_blocks(grid.frequency, horizon, origin)
    ]
    for name in dict.fromkeys([mix.label, *shown]):
        mine = name == mix.label
        if not mine:
            power = _power(_stack([each.points[name] for each in then], outcome), outcome, now)
        made_then = dict(zip(past, mix.past, strict=True)) if mine else {}
        edges[name] = np.concatenate(
            [
                each.edges(name, mix if mine else None, made_then, now, points[name], power, request.levels)
                for each in blocks
            ],
            axis=1,
        )
        seconds[name] = process_time() - begun
        begun = process_time()
    shared = sum(each.shared for each in [now, *then])
    total = {name: sum(each.seconds[name] for each in [now, *then]) for name in methods}
    spent = {name: shared + total[name] + seconds.get(name, 0.0) for name in methods}
    spent["deskcast"] = shared + sum(total[name] for name in candidates) + seconds[mix.label]
    known_days = _days_known(outcome, days)
    kept_past = dict(zip(past, mix.past, strict=True))
    rests_on = len(past), known_days, spent, tuple(blocks), kept_past, own, failed
    return Fold(origin, points, edges, mix.label, mix, sizes, now, *rests_on)


def _find_failed(
    grid: Grid, methods: Sequence[str], now: MethodForecasts, then: list[MethodForecasts]
) -> dict[str, PluginError]:
    """Return the users' methods that failed at any origin, or say nothing of what has to be forecast now."""
    failed = {name: error for each in [now, *then] for name, error in each.failed.items() if name in methods}
    wanted = ~now.quiet & ~np.isnan(now.level)[:, None]
    unsaid = {name: find_unsaid(name, now.points[name], wanted, grid.ids) for name in methods if name not in failed}
    return failed | {name: error for name, error in unsaid.items() if error is not None}


def name_failed(failed: dict[str, PluginError], asked: Sequence[str]) -> None:
    """Warn of users' methods that failed and were tried unasked; one that was asked for must not be missing."""
    for name, error in failed.items():
        if name in asked:
            raise error
        warnings.warn(f"left out of the forecast: {error}", PluginWarning, stacklevel=2)


def lead_blocks(frequency: SlotFrequency, horizon: int, origin: int) -> list[tuple[int, int]]:
    """Return the blocks of leads whose errors are pooled: first lead and the one after the last.

    Days go by four weeks (by two or one where the history is short), weeks by four, months by three; of shorter slots
    the horizon is one block, of a day at least. A block may be longer than the horizon: a forecast of tomorrow alone
    has the interval that tomorrow has in one of a month.

    >>> from deskcast.forecasting.grid.frequency import parse_frequency
    >>> day = parse_frequency("D")
    >>> lead_blocks(day, 30, 300), lead_blocks(day, 10, 100), lead_blocks(parse_frequency("h"), 3, 300)
    ([(0, 28), (28, 56)], [(0, 14)], [(0, 24)])
    """
    if frequency.per_day > 1:
        return [(0, max(horizon, frequency.per_day))]
    sizes = LEADS_A_BLOCK.get(frequency.name, (3,))
    # long blocks have old origins: they need a history in which these are no beginners
    size = next((s for s in sizes if origin >= MIN_HISTORY_BLOCKS * s), sizes[-1])
    return [(first, first + size) for first in range(0, horizon, size)]


@dataclass(frozen=True)
class _LeadBlock:
    """A block of leads: its past origins, the outlooks made there, and what came."""

    first: int
    last: int
    origins: list[int]
    then: list[MethodForecasts]
    outcome: Floats
    days: Ints

    @staticmethod
    def of(
        grid: Grid,
        special: SpecialDays,
        origin: int,
        horizon: int,
        place: tuple[int, int],
        windows: int,
        methods: Sequence[str],
        known: dict[int, MethodForecasts],
        nearer: dict[int, MethodForecasts],
        limit: Floats,
    ) -> _LeadBlock:
        first, last = place
        reach = max(horizon, last)
        origins = _drop_short_histories(find_past_origins(grid.frequency, origin, last, windows), origin)
        then = []
        for o in origins:
            made = known.get(o) if reach == horizon else None
            if made is None:
                made = nearer.get(o)
                # one that was made for another length may differ: how a level is followed depends on it
                made = made if made is not None and made.quiet.shape[1] == reach else None
                if made is None or any(name not in made.points for name in methods):
                    made = nearer[o] = forecast_all_methods(grid, special, o, reach, methods, made)
            then.append(made)
        targets = np.array(origins, dtype=np.int64).reshape(-1, 1) + np.arange(first, last)
        outcome = credible_outcomes(grid, targets, [each.quiet[:, first:last] for each in then], limit)
        days = grid.days(targets)
        return _LeadBlock(first, last, origins, then, outcome, days)

    def edges(
        self,
        name: str,
        mix: Combination | None,
        made: dict[int, Floats],
        now: MethodForecasts,
        point: Floats,
        power: Floats | float,
        levels: Sequence[float],
    ) -> Floats:
        """Return the quantiles of the block around a forecast, N x (leads of the horizon) x K."""
        ours = slice(self.first, min(self.last, point.shape[1]))
        past, sizes = [], []
        for o, each in zip(self.origins, self.then, strict=True):
            whole = each.points[name] if mix is None else made[o] if o in made else mix.of(each.points)
            if whole.shape[1] < self.last and mix is not None:
                whole = mix.of(each.points)
            past.append(whole[:, self.first : self.last])
            level, unit = (now.level, now.unit) if mix is not None else (each.level, each.unit)
            sizes.append(compute_error_scale(past[-1], level, unit, power))
        then = _stack(past, self.outcome)
        # a fault of the past that a method repeats is no error of the others
        error = self.outcome - np.where(then > now.limit[None, :, None], np.nan, then)
        scale = _stack(sizes, self.outcome)
        scaled = error / np.where(scale > 0, scale, np.nan)
        growth = fit_error_growth(scaled)
        zeros, volume = assign_zero_tiers(now.zeros), assign_volume_tiers(now.level, now.step)
        bands = calibrate_intervals(scaled / growth, zeros, self.days, now.unit, levels, volume)
        size = compute_error_scale(point[:, ours], now.level, now.unit, power)
        wide = size * growth[: ours.stop - ours.start]
        return apply_intervals(point[:, ours], wide, bands, now.quiet[:, ours])


def _stack(values: list[Floats], like: Floats) -> Floats:
    return np.stack(values) if values else np.zeros(like.shape)


def _days_known(outcome: Floats, days: Ints) -> int:
    return len(np.unique(days[~np.isnan(outcome).all(axis=1)]))


def _power(past: Floats, outcome: Floats, now: MethodForecasts) -> Floats:
    """Return the power by which errors of a forecast grow beyond its root, from past forecasts O x N x H."""
    if not len(past):
        return np.zeros(len(now.level))
    root = _sizes(past, now, 0.0)
    level = np.where(now.level > 0, now.level, np.nan)[None, :, None]
    error = np.where(root > 0, (outcome - past) / np.where(root > 0, root, 1.0), np.nan)
    return fit_error_exponent(error, root**2 / level, assign_zero_tiers(now.zeros))


def _sizes(points: Floats, now: MethodForecasts, power: Floats | float) -> Floats:
    """Return the spread of forecasts of several origins, O x N x H."""
    times = len(points)
    of_all = np.tile(power, times) if np.ndim(power) else power
    flat = points.reshape(-1, points.shape[2])
    return compute_error_scale(flat, np.tile(now.level, times), np.tile(now.unit, times), of_all).reshape(points.shape)


def _mix(made: dict[str, Floats], outcome: Floats, now: MethodForecasts, days: Ints) -> Combination:
    """Choose methods by their past forecasts."""

    def size(point: Floats, rows: Ints) -> Floats:
        flat = point.reshape(-1, point.shape[2])
        count = len(point)
        return compute_error_scale(flat, np.tile(now.level[rows], count), np.tile(now.unit[rows], count)).reshape(
            point.shape
        )

    return choose_combination(made, outcome, size, assign_volume_tiers(now.level, now.step), days)


def _drop_short_histories(past: list[int], origin: int) -> list[int]:
    """Leave out origins with less than a third of the history, whose errors are those of a beginner.

    >>> _drop_short_histories([50, 40, 30, 20, 10], 60), _drop_short_histories([10, 5], 60)
    ([50, 40, 30, 20], [10, 5])
    """
    kept = [o for o in past if o >= origin / 3]
    return kept if len(kept) >= MIN_ORIGINS else past[:MIN_ORIGINS]


def credible_outcomes(grid: Grid, targets: Ints, quiet: Sequence[Bools], limit: Floats) -> Floats:
    """Return what came in each target slot, O x N x H; NaN where closed, missing, certain to be 0, or not credible."""
    came = grid.came(targets)
    certain = np.stack(quiet) & (came == 0) if len(quiet) else np.zeros(came.shape, dtype=bool)
    return np.where(certain | (came > limit[None, :, None]), np.nan, came)
