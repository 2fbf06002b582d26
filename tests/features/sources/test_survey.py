"""Survey files: which question a score answers, whose case it was, and scores off their scale."""

from pathlib import Path

import pytest
from deskcast.features import InputError
from deskcast.features.recognise.collection import recognise
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"


def load(folder, text, name="answers.csv", **settings):
    (folder / name).write_text(text)
    return load_source(SourceSpec("surveys", name, kind="survey", **settings), folder)


def test_a_column_for_each_question_gives_a_survey_each():
    loaded = load_source(SourceSpec("surveys", "surveys/answers.csv", kind="survey"), FIXTURES)
    surveys = loaded.tables["surveys"]
    assert surveys[["survey_id", "kind", "case_id"]].to_numpy().tolist() == [
        [f"r{i}-{kind}", kind, case] for i, case in ((1, "1"), (2, "2"), (3, "9")) for kind in ("csat", "nps")
    ]
    assert surveys["score"].tolist()[:2] == [5.0, 9.0]
    assert surveys["responded_at"].isna().tolist() == [False, False, True, True, False, False]
    assert surveys["problem_solved"].isna().tolist() == [False, True, True, True, False, True]  # asked once
    assert loaded.rejected[["row", "reason"]].to_numpy().tolist() == [
        [4, "the score is outside its scale"],
        [5, "answered before it was offered"],
        [6, "duplicate survey; the first is kept"],
        [7, "the time cannot be read"],
    ]


def test_the_kind_may_be_a_column_a_setting_or_the_name_of_the_file(tmp_path):
    rows = "case_id,{}score,responded_at\n1,{}9,2024-03-02\n"
    by_column = load(tmp_path, rows.format("kind,", "NPS,"))
    by_setting = load(tmp_path, rows.format("", ""), kinds={"score": "nps"})
    by_name = load(tmp_path, rows.format("", ""), name="nps_march.csv")
    for loaded in (by_column, by_setting, by_name):
        assert loaded.tables["surveys"]["kind"].tolist() == ["nps"]
        assert any("response rate means nothing" in n for n in loaded.notes)
    with pytest.raises(InputError, match="unknown kind of survey"):
        load(tmp_path, rows.format("", ""))


def test_surveys_of_agents(tmp_path):
    loaded = load(tmp_path, "employee_id,enps,date\nkim,8,2024-03-02\nlee,,2024-03-02\n")
    surveys = loaded.tables["surveys"]
    assert surveys[["agent_id", "kind"]].to_numpy().tolist() == [
        ["kim", "agent_satisfaction"],
        ["lee", "agent_satisfaction"],
    ]
    assert surveys["responded_at"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("case_id,score\n1,5\n", {"kinds": {"score": "csat"}}, "missing column of times"),
        ("case_id,date\n1,2024-03-01\n", {}, "missing column of scores"),
        ("case_id,score,date\n1,5,2024-03-01\n", {"kinds": {"score": "cast"}}, "did you mean 'csat'"),
        ("case_id,score,date\n1,5,2024-03-01\n", {"columns": {"points": "score"}}, "unknown column of a survey"),
        ("case_id,score,date\n1,5,2024-03-01\n", {"columns": {"score": "scor"}}, "did you mean 'score'"),
    ],
)
def test_what_is_missing_is_said(tmp_path, text, settings, message):
    with pytest.raises(InputError, match=message):
        load(tmp_path, text, **settings)


def test_a_survey_file_is_recognised():
    seen = recognise(FIXTURES / "surveys" / "answers.csv")
    assert (seen.shape, seen.table, seen.kind) == ("survey file", "surveys", "survey")
