"""Units of work compared with case mix taken out, and what a change did: observed beside what was to be expected.

Teams, sites and agents: it says where to look, and ranks nobody.
"""

from ...features.lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "case_mix": "expect_outcomes",
    "compare": "compare_units",
    "funnel": "estimate_overdispersion score_proportions score_ratios",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
