"""The page for managers and planners: a router and a template for each page, all in routes.py."""

from ....features.lazy import lazy_names

HOMES = {"app": "make_app", "access.hosts": "is_loopback is_our_name", "report": "filter_rows", "server": "serve"}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
