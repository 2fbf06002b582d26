"""The page for managers and planners: a router and a template for each page. A new page: one file and routes.py."""

from ....features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"app": "filter_rows is_loopback is_our_name make_app serve"})
