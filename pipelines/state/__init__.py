"""State: what is remembered from run to run, in one small database."""

from ...features.lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__, {"database": "change_state read_state", "issue": "issue_rows", "issued": "read_issued"}
)
