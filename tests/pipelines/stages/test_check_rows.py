"""Earlier rows of a case, as in exports of several months, are counted and told, and not as rejected ones."""

import pandas as pd
import pytest
from deskcast.features.sources.versions import mark_older_rows, mark_replaced_rows
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.check import check_stage
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

COLUMNS = '[source.cases.columns]\ncase_id = "id"\ncreated_at = "opened"\nclosed_at = "closed"\n'
MONTHS = {
    "jan.csv": ["1,2024-01-02,", "2,2024-01-03,2024-01-09", "2,2024-01-03,2024-01-09", "3,soon,"],
    "feb.csv": ["1,2024-01-02,", "4,2024-02-02,"],
    "mar.csv": ["1,2024-01-02,2024-03-05", "4,2024-02-02,2024-03-06"],
}


@pytest.fixture
def months(tmp_path):
    for name, rows in MONTHS.items():
        (tmp_path / name).write_text("\n".join(["id,opened,closed", *rows]) + "\n")
    (tmp_path / "deskcast.toml").write_text(f'[source.cases]\npath = "*.csv"\n{COLUMNS}')
    return tmp_path


def test_rows_that_newer_ones_replaced_are_told_in_one_sentence_and_not_as_rejected(months):
    stage = check_stage(open_project(months / "deskcast.toml"))
    rejected, replaced = stage.tables["rejected_rows"], stage.tables["replaced_rows"]
    assert rejected[["row", "file", "code"]].to_numpy().tolist() == [
        [3, "jan.csv", "row.doubled"],
        [4, "jan.csv", "time.unreadable"],
    ]
    assert sorted(replaced[["file", "value"]].to_numpy().tolist()) == [
        ["feb.csv", "1"],
        ["feb.csv", "4"],
        ["jan.csv", "1"],
    ]
    told = [said for said in stage.findings if "earlier rows" in said]
    assert told == [
        "*.csv: 3 rows (38%) are earlier rows of cases, replaced by newer rows of the same case. No case is lost."
    ]
    answers = dict(stage.tables["checks"].itertuples(index=False))
    assert answers["Earlier rows of the same case"] == told[0]
    assert "row 4 of jan.csv (opened: 'soon')" in answers["Rejected rows"]
    assert answers["Duplicates"] == "1 row; one of each was kept."
    assert (stage.metrics["rejected_rows"], stage.metrics["replaced_rows"]) == (2, 3)


def test_both_kinds_of_rows_are_written_beside_the_configuration(months):
    said = CliRunner().invoke(app, ["check", "--config", str(months / "deskcast.toml")]).output
    assert "3 earlier rows of cases, replaced by newer ones, are in" in " ".join(said.split())
    assert len(pd.read_csv(months / "replaced_rows.csv")) == 3
    assert len(pd.read_csv(months / "rejected_rows.csv")) == 2


def test_a_log_without_earlier_rows_says_nothing_of_them(tmp_path):
    (tmp_path / "a.csv").write_text("id,opened,closed\n1,2024-01-02,\n1,2024-01-02,\n")
    (tmp_path / "deskcast.toml").write_text(f'[source.cases]\npath = "a.csv"\n{COLUMNS}')
    stage = check_stage(open_project(tmp_path / "deskcast.toml"))
    assert "replaced_rows" not in stage.tables
    assert stage.tables["rejected_rows"]["code"].tolist() == ["row.doubled"]


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3) | st.none(), st.booleans()), min_size=1, max_size=14),
    st.integers(1, 3),
    st.booleans(),
)
def test_replaced_is_what_is_older_and_the_rest_is_written_twice(rows, files, has_times):
    """Of each case one row is kept; a row is replaced only if the kept one was changed later, or is in another file."""
    cast = pd.DataFrame(rows, columns=["case_id", "day", "accepted"]).astype({"case_id": "str"})
    if has_times:
        cast["updated_at"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
            cast["day"].astype("float64"), unit="D"
        )
    cast["created_at"] = pd.Timestamp("2024-01-01", tz="UTC")
    sizes = [len(part) for part in [cast.index[i::files] for i in range(files)]]
    number = pd.Series([i for i, size in enumerate(sizes) for _ in range(size)])
    parts = [(f"{i}.csv", size) for i, size in enumerate(sizes)]
    accepted = cast.pop("accepted").to_numpy()
    older = mark_older_rows(cast, accepted, parts)
    replaced = mark_replaced_rows(cast, accepted, older, parts)
    assert not (replaced & ~older).any()
    kept = cast[accepted & ~older].set_index("case_id")
    for i in cast.index[older]:
        mate = cast.index[accepted & ~older & (cast["case_id"] == cast["case_id"][i]).to_numpy()]
        assert len(mate) == 1
        later = has_times and (
            cast["updated_at"][mate[0]] > cast["updated_at"][i]
            or (pd.isna(cast["updated_at"][i]) and pd.notna(cast["updated_at"][mate[0]]))
        )
        assert replaced[i] == (later or (files > 1 and number[mate[0]] != number[i]))
    assert kept.index.is_unique
