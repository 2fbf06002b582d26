"""A made-up desk with a known truth, for the demo and the tests."""

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"desk": "simulate_desk write_desk"})
