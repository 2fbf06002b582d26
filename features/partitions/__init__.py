"""Work on the cases in parts of bounded size: the same numbers, however many parts there are and wherever they run."""

from ..lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "by_case": "by_case find_parts",
    "shared": "SharedFacts open_part",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
