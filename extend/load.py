"""The modules that register what users bring: those that a configuration names, and those of installed packages."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

from ..features.errors import InputError
from ..features.plugins import PluginWarning, registered, unregister

#: Entry points of this group are modules (or functions without arguments) that register.
ENTRY_POINT_GROUP = "deskcast.plugins"
_LOADED: set[str] = set()


def load_plugins(modules: Sequence[str] = (), folder: str | Path | None = None, where: str = "") -> tuple[str, ...]:
    """Import the modules that register plug-ins, each once: those of installed packages, then those that are named.

    Parameters
    ----------
    modules
        Names of modules, such as ``desk_plugins`` for a file ``desk_plugins.py`` beside the configuration.
    folder
        Looked in first.
    where
        What names the modules, for messages.

    Returns
    -------
    The files of the named modules.

    Raises
    ------
    InputError
        If a named module is missing, cannot be imported, or another module of its name was imported before. An
        entry point that fails is named in a warning and left out.

    Examples
    --------
    >>> load_plugins()
    ()
    """
    for point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        if point.value not in _LOADED:
            _LOADED.add(point.value)
            _load_entry_point(point)
    return tuple(file for name in modules if (file := _load_module(name, folder, where)))


@contextmanager
def _whole_or_absent() -> Iterator[None]:
    """Take out again what was registered before something failed."""
    before = registered()
    try:
        yield
    except BaseException:
        for plugin in [p for key, p in registered().items() if key not in before]:
            unregister(plugin.kind, plugin.name)
        raise


def _load_entry_point(point: metadata.EntryPoint) -> None:
    """Import what a package offers; another package's fault does not stop a run."""
    try:
        with _whole_or_absent():
            found = point.load()
            if callable(found):
                found()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - packages may raise anything
        text = f"left out: the plug-ins of entry point '{point.name}' ({point.value}): {type(error).__name__}: {error}"
        warnings.warn(text, PluginWarning, stacklevel=3)


def _load_module(name: str, folder: str | Path | None, where: str) -> str | None:
    """Import a module that a configuration names, and return its file; a folder of modules has none."""
    place = str(Path(folder).resolve()) if folder is not None else ""
    if place and place not in sys.path:
        sys.path.insert(0, place)  # stays there: what it registered may import more later, also in workers
    own = Path(place, *name.split(".")).with_suffix(".py") if place else None
    there = sys.modules.get(name)
    if there is not None and own is not None and own.is_file() and Path(there.__file__ or "").resolve() != own:
        hint = "rename one of the two: a process has one module of a name"
        raise InputError(
            "another module of this name is loaded",
            where=where,
            column="modules",
            got=name,
            hint=hint,
            code="value.range",
        )
    try:
        with _whole_or_absent():
            if there is None and find_spec(name) is None:
                raise ModuleNotFoundError(f"no module named '{name}'")
            return import_module(name).__file__
    except (Exception, SystemExit) as error:  # users' modules may raise anything
        sys.modules.pop(name, None)
        said = f"{type(error).__name__}: {error}"
        hint = "a module beside the configuration, or one that is installed"
        raise InputError(
            f"the plug-ins cannot be loaded ({said})",
            where=where,
            column="modules",
            got=name,
            hint=hint,
            code="value.range",
        ) from error
