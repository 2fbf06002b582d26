"""Several splits of a history that are counted together, against each of them asked for by itself."""

import importlib

import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.kpis.kpi_history import find_unsplit_kpis, kpi_histories, kpi_history
from full_logs import OFFICE, full_log
from hypothesis import given, settings
from hypothesis import strategies as st

#: One KPI of each kind: counts, sums of amounts, shares, durations, stocks, what is combined, and distinct agents.
KPIS = (
    *("cases_opened", "resolved_within_2d", "resolution_time", "pending_time_per_case", "backlog", "backlog_age"),
    *("resolution_rate", "csat", "requests_per_agent", "handle_time", "response_time", "sla_attainment"),
)
#: Segments of the cases, of the rows themselves, and one that makes several rows of one.
COLUMNS = ("channel", "team", "current_priority", "agent")


@pytest.fixture(scope="module")
def log():
    return CaseLog.from_frames(**full_log(7), calendars={"office": OFFICE}, timezone="Europe/Lisbon")


@settings(max_examples=3)
@given(
    kpis=st.lists(st.sampled_from(KPIS), min_size=3, max_size=5, unique=True),
    splits=st.lists(st.lists(st.sampled_from(COLUMNS), max_size=2, unique=True), min_size=2, max_size=3),
)
def test_splits_are_the_same_together_and_alone_to_the_last_bit(log, kpis, splits):
    asked = [([k for k in kpis if k not in find_unsplit_kpis(log, kpis, by)], tuple(by)) for by in splits]
    for table, (own, by) in zip(kpi_histories(log, asked, "W"), asked, strict=True):
        pd.testing.assert_frame_equal(table, kpi_history(log, own, by, "W"), check_exact=True)


def test_what_is_fetched_once_is_what_the_engine_sums(log, monkeypatch):
    asked = [(KPIS[::2], ()), (KPIS[::2], ("channel",))]
    fetched = kpi_histories(log, asked, "W")
    module = importlib.import_module("deskcast.features.kpis.counted_together")
    monkeypatch.setattr(module, "can_count_together", lambda queries: False)
    for one, other in zip(fetched, kpi_histories(log, asked, "W"), strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-12)


def test_values_that_are_too_many_are_fetched_in_batches(log, monkeypatch):
    asked = [(KPIS[1::2], ("channel",)), (KPIS[1::2], ("team",))]
    whole = kpi_histories(log, asked, "W")
    module = importlib.import_module("deskcast.features.kpis.counted_together")
    monkeypatch.setattr(module, "MAX_VALUES_PER_FETCH", 1)
    for one, other in zip(whole, kpi_histories(log, asked, "W"), strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
