"""What is kept belongs to one log and goes with it."""

import gc

import pandas as pd
from deskcast.features.case_log.cache import _CACHE, compute_once
from deskcast.features.case_log.log import CaseLog
from deskcast.features.kpis.kpi_history import kpi_history


def a_log():
    cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-04T09:00Z"]})
    events = pd.DataFrame({"case_id": ["1", "1"], "kind": ["resolved", "reopened"],
                           "at": ["2024-03-02T09:00Z", "2024-03-03T09:00Z"]})  # fmt: skip
    return CaseLog.from_frames(cases=cases, events=events)


def test_another_log_is_asked_again():
    first, second = a_log(), a_log()
    assert compute_once(first, "name", lambda: 1) == 1
    assert compute_once(first, "name", lambda: 2) == 1
    assert compute_once(second, "name", lambda: 2) == 2


def test_it_goes_with_the_log():
    before = len(_CACHE)
    log = a_log()
    kpi_history(log)
    assert len(_CACHE) > before
    del log
    gc.collect()
    assert len(_CACHE) <= before


def test_a_cut_log_does_not_see_what_the_whole_log_kept():
    log = a_log()
    assert kpi_history(log, "cases_resolved")["value"].sum() == 0
    assert kpi_history(log.as_of("2024-03-03T00:00Z"), "cases_resolved")["value"].tolist() == [0, 1]
