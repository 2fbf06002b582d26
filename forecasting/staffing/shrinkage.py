"""Shrinkage: the share of paid time off contacts, by parts, and the agents to schedule because of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ...features.arrays import Floats
from ...features.errors import InputError, did_you_mean
from ..arguments import Numbers, broadcast, check_numbers
from ..integer_search import ceiling

#: What parts of shrinkage are shares of: what the others leave ("multiply"), or all paid time ("add").
SHRINKAGE_PARTS = ("multiply", "add")

#: A share, or shares by name, or several without names.
Shrinkage = Numbers | Mapping[str, Numbers] | tuple[Numbers, ...]


def total_shrinkage(shrinkage: Shrinkage, parts: str = "multiply") -> Floats:
    """Return the share of paid time off contacts that several parts come to.

    Parameters
    ----------
    shrinkage
        A number or an array (list, Series), or parts of it (leave, illness, training, breaks) as a mapping or a tuple.
    parts
        ``"multiply"``: each part is a share of the time that the others leave, so 0.2 and 0.1 come to 0.28;
        ``"add"``: each is a share of all paid time, so they come to 0.3.

    Raises
    ------
    InputError
        Names the part and the first bad position, or says that the sum leaves no time.

    Examples
    --------
    >>> [round(float(total_shrinkage({"leave": 0.2, "training": 0.1}, way)), 3) for way in ("multiply", "add")]
    [0.28, 0.3]
    """
    if parts not in SHRINKAGE_PARTS:
        hint = did_you_mean(parts, SHRINKAGE_PARTS)
        raise InputError(
            "unknown method of joining parts", where="argument 'parts'", got=parts, hint=hint, code="value.unknown"
        )
    named: Mapping[str, Numbers] = {"shrinkage": shrinkage}  # type: ignore[dict-item]
    if isinstance(shrinkage, Mapping):
        named = {f"shrinkage[{name!r}]": part for name, part in shrinkage.items()}
    elif isinstance(shrinkage, tuple):
        named = {f"shrinkage[{i}]": part for i, part in enumerate(shrinkage)}
    shares = broadcast({name: check_numbers(name, part, least=0, below=1) for name, part in named.items()})
    if parts == "multiply":
        left = np.array(1.0)
        for share in shares.values():
            left = left * (1 - share)
        return np.asarray(1 - left)
    return check_numbers("shrinkage (sum of parts)", sum(shares.values(), np.array(0.0)), least=0, below=1)


def agents_to_schedule(agents: Numbers, shrinkage: Shrinkage, *, parts: str = "multiply") -> Floats:
    """Return the agents to schedule for the agents on contacts, not rounded: what a long shift comes to on average.

    Rounded up in each interval, one agent would become two all day. Round up once: for the peak, or over the shift.

    Parameters
    ----------
    agents, shrinkage, parts
        As in :func:`scheduled_agents`.

    Examples
    --------
    >>> agents_to_schedule([1, 1, 2], 0.2).tolist()
    [1.25, 1.25, 2.5]
    """
    both = broadcast(
        {"agents": check_numbers("agents", agents, least=0), "shrinkage": total_shrinkage(shrinkage, parts)}
    )
    return np.asarray(both["agents"] / (1 - both["shrinkage"]))


def scheduled_agents(agents: Numbers, shrinkage: Shrinkage, *, parts: str = "multiply") -> npt.NDArray[np.int64] | int:
    """Return the whole agents to schedule so that enough of them are on contacts.

    Parameters
    ----------
    agents
        Required agents on contacts, from 0.
    shrinkage
        Share of paid time in which agents are not available, from 0 and below 1: a number or an array (list, Series)
        that broadcasts with ``agents``. A mapping of names to numbers, or a tuple, holds parts (leave, illness,
        training, breaks).
    parts
        Whether parts ``"multiply"`` (0.2 and 0.1 leave 0.8 x 0.9 = 0.72) or ``"add"`` (they leave 0.7), see
        :func:`total_shrinkage`.

    Returns
    -------
    int or array of int
        ``agents / (1 - shrinkage)``, each rounded up but not for the sake of rounding errors; shapes broadcast. Over
        many intervals :func:`agents_to_schedule` does not round each.

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Examples
    --------
    >>> scheduled_agents([14, 21, 0], shrinkage=0.30).tolist()
    [20, 30, 0]
    >>> scheduled_agents(72, {"leave": 0.2, "training": 0.1}), scheduled_agents(70, (0.2, 0.1), parts="add")
    (100, 100)
    """
    whole = ceiling(agents_to_schedule(agents, shrinkage, parts=parts))
    return whole if whole.ndim else int(whole)
