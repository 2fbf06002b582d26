"""Names of a room that are imported when they are first used, so that asking for one does not load all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for a package whose names live in the given modules.

    Parameters
    ----------
    package
        ``__name__`` of the package.
    homes
        Public name -> module of the package that defines it.

    Examples
    --------
    >>> get, names = lazy_names("deskcast.features", {"InputError": "errors"})
    >>> names(), get("InputError").__name__
    (['InputError'], 'InputError')
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(f".{homes[name]}", package), name)

    return get, lambda: sorted(homes)
