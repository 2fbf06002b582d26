"""Durations of cases in business time: those of the calendar, on the case history of a random desk."""

import numpy as np
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.business_times import case_business_times
from deskcast.features.cases.history import case_history
from deskcast.features.errors import InputError
from logs import random_log
from promises import CALENDARS, OFFICE


def desk(calendars) -> CaseLog:
    frames = random_log(4, 80)
    return CaseLog.from_frames(cases=frames["cases"], events=frames["events"], calendars=calendars)


@pytest.mark.parametrize("name", sorted(CALENDARS))
def test_business_durations_are_those_of_the_calendar(name):
    log = desk(CALENDARS)
    found = log.frame(case_business_times(log, name).order_by("case_id"))
    whole = case_history(log)
    calendar = CALENDARS[name]
    until = whole["ended_at"].fillna(log.until)
    ends = {"first_response": whole["first_response_at"], "resolution": whole["resolved_at"], "age": until}
    for part, end in ends.items():
        expected = calendar.seconds_between(whole["created_at"], end)
        np.testing.assert_array_equal(found[f"{part}_business_s"].to_numpy(float, na_value=np.nan), expected)
    missing = found["resolution_business_s"].isna()
    assert missing.any()
    assert (missing == whole["resolved_at"].isna()).all(), "what is not resolved has no duration, and not 0"


def test_the_only_calendar_counts_and_one_of_several_has_to_be_named():
    alone = desk({"office": OFFICE})
    assert "resolution_business_s" in case_business_times(alone).columns
    with pytest.raises(InputError, match=r"missing calendar: the log has several.*office, night"):
        case_business_times(desk(CALENDARS))
    with pytest.raises(InputError, match=r"unknown calendar.*did you mean 'office'"):
        case_business_times(alone, "offise")
    with pytest.raises(InputError, match="missing calendar: the log has none"):
        case_business_times(desk({}))
