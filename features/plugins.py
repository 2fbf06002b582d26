"""What users add under names of their own: forecasters, classifiers, features and KPIs of this process."""

from __future__ import annotations

import pickle
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from .errors import InputError

#: What can be registered.
PLUGIN_KINDS = ("forecaster", "classifier", "feature", "kpi")
#: A plug-in that takes so long is named, once.
SLOW_PLUGIN_S = 60.0
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")

F = TypeVar("F", bound=Callable[..., Any])


class PluginWarning(UserWarning):
    """A plug-in was left out or takes long."""


class PluginError(InputError):
    """A plug-in failed, or gave what it must not give."""


@dataclass(frozen=True)
class Plugin:
    """A function of a user under a name.

    Attributes
    ----------
    kind, name
        One of :data:`PLUGIN_KINDS`, and what it is called in every table.
    function
        What is called.
    facts
        What else its kind needs, such as the entry of a KPI.
    """

    kind: str
    name: str
    function: Callable[..., Any]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return kind, name and the module that it comes from, as messages name it."""
        home = getattr(self.function, "__module__", None) or type(self.function).__module__
        return f"{self.kind} '{self.name}' of {home}"

    def call(self, *args: Any) -> Any:
        """Call the function of the plug-in.

        Raises
        ------
        PluginError
            If the function raises anything.
        """
        return self.run(self.function, *args)

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function for the plug-in; whatever it raises is told under its name, and a slow one is named once.

        Raises
        ------
        PluginError
            If the function raises anything.
        """
        begun = time.perf_counter()
        try:
            return function(*args)
        except (Exception, SystemExit) as error:  # users' code may raise anything, and must not end the run
            raise self.error(f"it failed with {type(error).__name__}: {error}") from error
        finally:
            self._add_time(time.perf_counter() - begun)

    def error(self, problem: str, **facts: Any) -> PluginError:
        """Return the error that names this plug-in."""
        return PluginError(problem, where=str(self), **facts)

    def _add_time(self, seconds: float) -> None:
        key, before = (self.kind, self.name), _SECONDS.get((self.kind, self.name), 0.0)
        _SECONDS[key] = before + seconds
        if before < SLOW_PLUGIN_S <= _SECONDS[key]:
            text = f"{self} is slow: it has taken {_SECONDS[key]:.0f} s so far"
            warnings.warn(text, PluginWarning, stacklevel=3)


_REGISTERED: dict[tuple[str, str], Plugin] = {}
_SECONDS: dict[tuple[str, str], float] = {}


def check_plugin_name(kind: str, name: object, taken: Iterable[str] = ()) -> str:
    """Return a name that a plug-in of this kind may have.

    >>> check_plugin_name("forecaster", "my_mean", ["core"])
    'my_mean'
    >>> check_plugin_name("forecaster", "core", ["core"])
    Traceback (most recent call last):
    deskcast.features.errors.InputError: forecaster: duplicate name; got 'core' (choose another name)
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        wanted = "up to 50 small letters, digits and underlines, a letter first"
        raise InputError("not a name for a plug-in", where=kind, got=name, wanted=wanted, code="value.range")
    if name in set(taken):
        raise InputError("duplicate name", where=kind, got=name, hint="choose another name", code="value.range")
    return name


def register(plugin: Plugin, taken: Iterable[str] = ()) -> Plugin:
    """Keep a plug-in under its name.

    Raises
    ------
    InputError
        If the name is no name, or something is called so already.
    """
    check_plugin_name(plugin.kind, plugin.name, taken)
    if (plugin.kind, plugin.name) in _REGISTERED:
        hint = f"take it out first: unregister('{plugin.kind}', '{plugin.name}')"
        raise InputError(
            "duplicate name: it is registered already",
            where=plugin.kind,
            got=plugin.name,
            hint=hint,
            code="value.range",
        )
    if not callable(plugin.function):
        got = type(plugin.function).__name__
        raise InputError(
            "a plug-in must be a function", where=f"{plugin.kind} '{plugin.name}'", got=got, code="value.range"
        )
    _REGISTERED[plugin.kind, plugin.name] = plugin
    return plugin


def unregister(kind: str, name: str) -> None:
    """Take a plug-in out again.

    Raises
    ------
    InputError
        If nothing is registered so.
    """
    if (kind, name) not in _REGISTERED:
        known = ", ".join(f"{k} '{n}'" for k, n in _REGISTERED) or "nothing is registered"
        raise InputError("unknown name of a plug-in", where=kind, got=name, hint=known, code="value.range")
    _SECONDS.pop((kind, name), None)
    plugin = _REGISTERED.pop((kind, name))
    if "forget" in plugin.facts:
        plugin.facts["forget"]()


def registered(kind: str | None = None) -> dict[str, Plugin]:
    """Return what is registered, by name in the order of registering; of one kind or (``None``) of all.

    >>> registered("kpi")
    {}
    """
    if kind is None:
        return {f"{k} {n}": plugin for (k, n), plugin in _REGISTERED.items()}
    return {n: plugin for (k, n), plugin in _REGISTERED.items() if k == kind}


def adopt(kind: str, plugins: Iterable[Plugin]) -> None:
    """Let what is registered of a kind be what another process has registered, as a worker does for its caller."""
    wanted = {plugin.name: plugin for plugin in plugins}
    if registered(kind) == wanted:
        return
    for name in registered(kind):
        del _REGISTERED[kind, name]
    _REGISTERED.update({(kind, name): plugin for name, plugin in wanted.items()})


class Parcel(NamedTuple):
    """Functions of users on their way to another process, and where their modules are found."""

    content: bytes
    path: tuple[str, ...]


def pack(value: object) -> Parcel:
    """Pack what holds functions of users: what is written in a notebook travels whole, modules by their name."""
    import cloudpickle

    return Parcel(cloudpickle.dumps(value), tuple(sys.path))


def unpack(parcel: Parcel) -> Any:
    """Unpack what another process has packed, which may have found its modules elsewhere.

    >>> unpack(pack({"twice": lambda x: 2 * x}))["twice"](3)
    6
    """
    sys.path += [place for place in parcel.path if place not in sys.path]
    return pickle.loads(parcel.content)


def as_decorator(add: Callable[[F], object], function: F | None) -> Any:
    """Register a function at once, or return the decorator that will; either way the function comes back."""

    def decorate(given: F) -> F:
        add(given)
        return given

    return decorate if function is None else decorate(function)
