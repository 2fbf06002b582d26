"""How well a segmentation agrees with several people: the measures of the Turing change point benchmark.

Van den Burg and Williams (2020), arXiv 2003.06222.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise


def found(true: Iterable[int], told: Iterable[int], margin: int = 5) -> set[int]:
    """Return the true changes with a told one within the margin; each told one counts once."""
    left, out = set(told), set()
    for place in sorted(true):
        near = sorted((abs(place - other), other) for other in left if abs(place - other) <= margin)
        if near:
            out.add(place)
            left.remove(near[0][1])
    return out


def f_score(people: Mapping[str, Iterable[int]], told: Iterable[int], margin: int = 5) -> float:
    """Return the harmonic mean of precision (against all people together) and recall (mean over people).

    Place 0 counts as a change that everybody sees, so that both are always defined.
    """
    sets = [{0, *changes} for changes in people.values()]
    mine = {0, *told}
    precision = len(found(set().union(*sets), mine, margin)) / len(mine)
    recall = sum(len(found(one, mine, margin)) / len(one) for one in sets) / len(sets)
    return 2 * precision * recall / (precision + recall)


def cover(people: Mapping[str, Iterable[int]], told: Iterable[int], n: int) -> float:
    """Return how well each person's segments are covered by the best told one (Jaccard): by length, mean of people."""
    mine = _segments(told, n)
    shares = []
    for changes in people.values():
        best = [
            (len(part), max(len(part & other) / len(part | other) for other in mine)) for part in _segments(changes, n)
        ]
        shares.append(sum(size * share for size, share in best) / n)
    return sum(shares) / len(shares)


def _segments(changes: Iterable[int], n: int) -> list[set[int]]:
    edges = [0, *sorted({c for c in changes if 0 < c < n}), n]
    return [set(range(a, b)) for a, b in pairwise(edges)]
