"""One call in Python trains as the command does: the same snapshots, calendar, ends and instant, to the digit."""

import pandas as pd
import pytest
from deskcast import CaseLog, open_log, train_breach_risk
from deskcast.features.errors import InputError
from deskcast.models.evaluation.statement import split_statement
from deskcast.pipelines.store.results import read_results
from deskcast.pipelines.words.words import format_number


@pytest.mark.slow
def test_python_and_the_command_line_agree_to_the_digit(demo_home):
    path = demo_home / "desk" / "deskcast.toml"
    trained = train_breach_risk(path)
    stage = {stage.name: stage for stage in read_results(demo_home / "desk" / "results").stages}["train"]
    for name, mine in (("evaluation", trained.risk.evaluation_), ("calibration", trained.risk.reliability_)):
        pd.testing.assert_frame_equal(stage.tables[name], mine, check_exact=True, check_dtype=False)
    told = " ".join(stage.findings)  # a finding has at most three sentences: the decision takes several
    sentences = [part for part in split_statement(trained.risk.decision_, 1) if "of the observed rate" not in part]
    assert len(sentences) >= 3
    assert " ".join(sentences) in told
    assert told.count("of the observed rate on average") == 1  # its own finding, of the same figure
    off = 100 * trained.risk.evaluation_.set_index("model")["ece"][trained.risk.used_]
    assert f"within {format_number(off)} points" in told
    assert trained.risk.calendar is not None
    log = open_log(path)
    again = train_breach_risk(log)  # the settings of the demo are the defaults
    pd.testing.assert_frame_equal(again.today, trained.today)
    assert again.risk.risk(again.today).tolist() == trained.risk.risk(trained.today).tolist()


def test_a_log_without_targets_or_events_is_refused():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    with pytest.raises(InputError, match=r"no SLA target .*\[\[sla\]\]"):
        train_breach_risk(CaseLog.from_frames(cases=cases))
    with pytest.raises(InputError, match="missing events"):
        train_breach_risk(CaseLog.from_frames(cases=cases), metric="resolution")
