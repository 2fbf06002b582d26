"""The call-by-call log of a telephone switch: waits, services, midnight, and clocks that run backwards."""

from pathlib import Path

import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"
CALLS = "anonymous_bank_calls_feb1999/calls_1999_02.csv.gz"


def load(path, **settings):
    return load_source(SourceSpec("contacts", str(path), kind="telephone", **settings), FIXTURES)


def seconds(later, earlier):
    return (later - earlier).dt.total_seconds()


def test_a_call_is_queued_answered_and_ended():
    loaded = load("telephone/calls.csv")
    calls = loaded.tables["contacts"].set_index("contact_id")
    assert calls.index.tolist() == ["AA0101-1", "AA0101-2", "AA0101-3", "AA0101-4", "AA0102-4"]
    assert calls["outcome"].tolist() == ["answered", "abandoned", "answered", "answered", "abandoned"]
    waits = seconds(calls["answered_at"].fillna(calls["ended_at"]), calls["queued_at"])
    assert waits.tolist() == [0.0, 5.0, 34.0, 180.0, 0.0]  # q_time of the log; who does not queue does not wait
    assert calls.loc["AA0101-4", "ended_at"] == pd.Timestamp("1999-02-02T00:04:10Z")  # over midnight
    assert calls["agent_id"].isna().tolist() == [False, True, False, False, True]
    assert calls.loc["AA0101-3", "team"] == "NE"


def test_calls_that_cannot_be_used_are_named():
    refused = load("telephone/calls.csv").rejected
    assert refused[["row", "reason"]].to_numpy().tolist() == [
        [5, "a phantom call, which the log says to leave out"],
        [6, "the clock ran backwards: it ended before it began"],
        [7, "the time cannot be read"],
        [9, "unknown outcome; known: AGENT, HANG"],
    ]


def test_a_log_without_its_columns_is_refused():
    with pytest.raises(InputError, match="missing column of a call log"):
        load("zendesk_fivetran/user.csv")


def test_the_published_figures_of_the_bank_come_out(shared_data):
    """Measured on the file itself: 17.9 % hang up, 41 s in the queue, 58.7 % wait at most 20 s, 179 s of service."""
    calls = load(shared_data(CALLS), timezone="Asia/Jerusalem").tables["contacts"]
    waits = seconds(calls["answered_at"].fillna(calls["ended_at"]), calls["queued_at"])
    assert (calls["outcome"] == "abandoned").mean() == pytest.approx(0.179, abs=0.0005)
    assert waits.mean() == pytest.approx(41, abs=0.5)
    assert (waits <= 20).mean() == pytest.approx(0.587, abs=0.0005)
    served = calls[calls["agent_id"].notna() & calls["answered_at"].notna()]
    assert seconds(served["ended_at"], served["answered_at"]).mean() == pytest.approx(179, abs=0.5)
