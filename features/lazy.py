"""Names of a room that are imported when they are first used, so that asking for one does not load all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


class _LazyPackage(ModuleType):
    """A package in which a public name wins over the module of the same name.

    Importing ``features.snapshots`` makes Python set the attribute ``snapshots`` of the package to that module, and
    the function of that name could then no longer be imported from the package.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in self.__dict__.get("_public", ())):
            super().__setattr__(name, value)


def lazy_names(
    package: str, modules: Mapping[str, str], renamed: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for a package whose names live in the given modules.

    Parameters
    ----------
    package
        ``__name__`` of the package.
    modules
        Module of the package -> the public names that it defines, separated by spaces.
    renamed
        Old name -> public name: it is still found, with a note.

    Examples
    --------
    >>> get, names = lazy_names("deskcast.features", {"errors": "InputError did_you_mean"})
    >>> names(), get("InputError").__name__
    (['InputError', 'did_you_mean'], 'InputError')
    """
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def get(name: str) -> Any:
        if name == "__all__":  # asked for by "import *"
            return sorted(homes)
        if renamed and name in renamed:
            from .renamed import warn_renamed

            warn_renamed(name, renamed[name], package)
            name = renamed[name]
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(f".{homes[name]}", package), name)

    room = sys.modules[package]
    room.__dict__["_public"] = frozenset(homes) | room.__dict__.get("_public", frozenset())
    room.__class__ = _LazyPackage
    return get, lambda: sorted(homes)
