"""Forecasters that users bring: functions of a scene, shown nothing that came after its origin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...features.arrays import Bools, Floats
from ...features.plugins import Plugin, PluginError, check_plugin_name, registered
from ..grid.slot_states import OPEN

if TYPE_CHECKING:
    from .scene import Scene


class OwnMethod(str):
    """The name of a user's forecaster; it carries the function, so that it works in any process and unregistered."""

    plugin: Plugin

    def __new__(cls, plugin: Plugin) -> OwnMethod:
        """Make the name of a plug-in."""
        name = super().__new__(cls, plugin.name)
        name.plugin = plugin
        return name

    def __reduce__(self) -> tuple[Any, ...]:
        return OwnMethod, (self.plugin,)

    @classmethod
    def of(cls, function: Callable[..., Any], taken: list[str]) -> OwnMethod:
        """Name a function that was not registered as it calls itself."""
        name = getattr(function, "__name__", type(function).__name__)
        return cls(Plugin("forecaster", check_plugin_name("forecaster", name, taken), function))

    def forecast(self, scene: Scene) -> Floats:
        """Forecast from what was known at the origin; N x H numbers.

        Raises
        ------
        PluginError
            If the function fails, or does not give one finite number, or NaN, for each series and slot.
        """
        found = self.plugin.call(hide_future(scene))
        wanted = (len(scene.grid.ids), scene.horizon)
        try:
            points = np.array(found, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise self.plugin.error("its forecast is not an array of numbers", got=type(found).__name__) from error
        if points.shape != wanted:
            shape = "one row a series, one column a slot ahead"
            raise self.plugin.error(f"its forecast has the wrong shape ({shape})", got=points.shape, wanted=str(wanted))
        if np.isinf(points).any():
            series = scene.grid.ids[int(np.argwhere(np.isinf(points))[0][0])]
            raise self.plugin.error(f"its forecast of series '{series}' is not finite", wanted="numbers, or NaN")
        return points


def own_methods() -> tuple[OwnMethod, ...]:
    """Return the forecasters that are registered."""
    return tuple(OwnMethod(plugin) for plugin in registered("forecaster").values())


def find_unsaid(name: str, points: Floats, wanted: Bools, ids: Sequence[str]) -> PluginError | None:
    """Return an error where a user's forecaster says nothing of a slot that has to be forecast now."""
    unsaid = np.isnan(points) & wanted
    if not isinstance(name, OwnMethod) or not unsaid.any():
        return None
    series = ids[int(np.argwhere(unsaid)[0][0])]
    return name.plugin.error(f"it has no forecast for {int(unsaid.sum()):,} slots, the first of series '{series}'")


def hide_future(scene: Scene) -> Scene:
    """Return a scene of its own in which nothing is known of the slots from the origin on: neither values nor outages.

    A user's function can then neither look ahead in a backtest nor change what other methods see.
    """
    grid, past = scene.grid, scene.origin
    y, state, told = grid.y.copy(), grid.state.copy(), grid.told.copy()
    y[:, past:], state[:, past:], told[:, past:] = np.nan, OPEN, False
    special = replace(scene.special, past=scene.special.past[scene.special.past[:, 1] <= past])
    return replace(scene, grid=replace(grid, y=y, state=state, told=told), special=special)
