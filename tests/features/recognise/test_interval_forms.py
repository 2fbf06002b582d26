"""One report of two queues in the forms of many systems: what is read has the sums that were written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.features.recognise.collection import recognise
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from interval_forms import FORMS, avaya, avaya_items, connect, genesys, german, nice, truth, uccx


def read(text, folder, name="report.csv"):
    file = folder / name
    file.write_text(text)
    seen = recognise(file)
    return seen, load_source(seen.spec())


@pytest.mark.parametrize("form", FORMS, ids=[f.__name__ for f in FORMS])
def test_each_form_gives_the_sums_that_it_was_written_from(form, tmp_path):
    t = truth()
    seen, loaded = read(form(t), tmp_path)
    rows = loaded.tables["volumes"]
    assert seen.table == "volumes"
    assert rows["y"].sum() == t["offered"].sum()
    assert rows["slot_s"].eq(1800).all()
    local = rows["ds"].dt.tz_localize(None)
    first = rows[local == t["start"].min()]["y"].sum()
    assert first == t[t["start"] == t["start"].min()]["offered"].sum()
    by_day = rows.groupby(local.dt.normalize())["y"].sum()
    assert by_day[by_day > 0].tolist() == t.groupby(t["start"].dt.normalize())["offered"].sum().tolist()
    if "answered" in rows:
        assert rows["answered"].sum() == t["answered"].sum()
    if "abandoned" in rows:
        assert rows["abandoned"].sum() == t["abandoned"].sum()
    if "handle_s" in rows:
        assert rows["handle_s"].sum() == pytest.approx((t["aht"] * t["answered"]).sum())
    if "wait_s" in rows:
        assert rows["wait_s"].sum() == pytest.approx((t["wait"] * t["answered"]).sum())
    if "answered_in_target" in rows:
        assert rows["answered_in_target"].sum() == pytest.approx(t["in_target"].sum())


@pytest.mark.parametrize("form", [genesys, connect, avaya, avaya_items, uccx, nice, german], ids=lambda f: f.__name__)
def test_handle_time_is_read_where_it_is_written(form, tmp_path):
    rows = read(form(truth()), tmp_path)[1].tables["volumes"]
    assert "handle_s" in rows
    assert rows["unique_id"].nunique() == 2
    if form is not avaya_items:
        assert set(rows["unique_id"]) == {"Sales", "Support"}


def five_minutes(days=6):
    starts = [
        d + t for d in pd.date_range("2024-03-04", periods=days) for t in pd.timedelta_range("7h", "21h", freq="5min")
    ]
    rng = np.random.default_rng(3)
    return pd.DataFrame({"datetime": starts, "calls": rng.integers(100, 400, len(starts))})


@pytest.mark.parametrize("share", [0.02, 0.05, 0.2])
def test_counts_stay_counts_with_doubled_rows(share, tmp_path):
    t = five_minutes()
    doubled = pd.concat([t, t.sample(frac=share, random_state=1)]).sort_values("datetime")
    seen, loaded = read(doubled.to_csv(index=False), tmp_path)
    assert seen.table == "volumes"
    assert loaded.tables["volumes"]["y"].sum() == t["calls"].sum()
    assert len(loaded.rejected) == len(doubled) - len(t)
    assert loaded.rejected["reason"].str.contains("duplicate interval").all()


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_counts_stay_counts_with_times_that_cannot_be_read(share, tmp_path):
    t = five_minutes()
    bad = t.astype({"datetime": "str"})
    lost = bad.sample(frac=share, random_state=1).index
    bad.loc[lost, "datetime"] = "n/a"
    seen, loaded = read(bad.to_csv(index=False), tmp_path)
    assert seen.table == "volumes"
    assert loaded.tables["volumes"]["y"].sum() == t["calls"].drop(lost).sum()
    assert len(loaded.rejected) == len(lost)


def test_the_order_of_rows_does_not_matter(tmp_path):
    t = five_minutes()
    seen, loaded = read(t.sample(frac=1, random_state=2).to_csv(index=False), tmp_path)
    assert seen.slot_s == 300
    assert loaded.tables["volumes"]["slot_s"].eq(300).all()


def test_handle_time_beside_the_calls_is_a_measure_and_no_series(tmp_path):
    t = five_minutes().assign(aht=250)
    seen, loaded = read(t.to_csv(index=False), tmp_path)
    assert "unique_id" not in seen.columns
    assert loaded.tables["volumes"]["handle_s"].sum() == 250 * t["calls"].sum()
    _, loaded = read(five_minutes().assign(abandoned=3).to_csv(index=False), tmp_path)
    rows = loaded.tables["volumes"]
    assert rows["abandoned"].eq(3).all()
    assert (rows["answered"] == rows["y"] - 3).all()


@pytest.mark.parametrize(
    ("written", "delimiter", "date"),
    [
        (lambda n: f"{n:,}".replace(",", "."), ";", "%d.%m.%Y"),
        (lambda n: f"{n:,}", ",", "%m/%d/%Y"),
        (lambda n: f"{n:,}".replace(",", "\u202f"), ";", "%d/%m/%Y"),
        (lambda n: f"{n:,}".replace(",", "'"), ";", "%d.%m.%Y"),
        (lambda n: f"{n:,}".replace(",", " "), ";", "%Y-%m-%d"),
    ],
)
def test_thousands_are_told_by_the_whole_column(written, delimiter, date, tmp_path):
    counts = [1204, 511, 1533, 407, 12071, 990, 1316, 1001, 42, 1500, 1660, 733, 1222, 1390]
    days = pd.date_range("2023-03-15", periods=14)
    text = pd.DataFrame({"Datum": days.strftime(date), "Anrufe": [written(n) for n in counts]})
    _, loaded = read(text.to_csv(index=False, sep=delimiter), tmp_path)
    assert loaded.tables["volumes"]["y"].tolist() == counts


@pytest.mark.parametrize("mark", [" ", "\u00a0", "\u202f", "\u2009", "'", ",", "."])
def test_counts_with_marks_between_thousands_are_numbers_under_any_name(mark, tmp_path):
    counts = [1204, 511, 1533, 407, 12071, 990, 1316, 1001, 42, 1510, 1660, 733, 1222, 1390]
    days = pd.date_range("2023-03-15", periods=14).strftime("%Y-%m-%d")
    text = pd.DataFrame({"Datum": days, "Antal samtal": [f"{n:,}".replace(",", mark) for n in counts]})
    seen, loaded = read(text.to_csv(index=False, sep=";"), tmp_path)
    assert seen.columns["y"] == "Antal samtal"
    assert loaded.tables["volumes"]["y"].tolist() == counts


def test_a_mark_that_may_be_either_is_refused(tmp_path):
    text = "date,calls\n" + "\n".join(
        f"2024-03-{d:02d},{n}" for d, n in enumerate(["1.204", "1500", "1.100", "1700"] * 3, 1)
    )
    with pytest.raises(InputError, match="thousands or decimals"):
        read(text, tmp_path)


def test_a_numbered_report_without_dates_asks_for_the_first(tmp_path):
    text = "Index,Incoming Calls,Answered Calls,Answer Rate,Abandoned Calls,Talk Duration (AVG)\n"
    text += "\n".join(f"{i},{200 + i},{190 + i},{(190 + i) / (200 + i):.2%},10,00:03:20" for i in range(1, 30))
    with pytest.raises(InputError, match="first = "):
        read(text, tmp_path)
    columns = {"ds": "Index", "y": "Incoming Calls", "answered": "Answered Calls", "mean_talk_s": "Talk Duration (AVG)"}
    spec = SourceSpec("volumes", str(tmp_path / "report.csv"), columns=columns, first="2024-03-01", slot_s=86400.0)
    rows = load_source(spec).tables["volumes"]
    assert rows["ds"].iloc[0] == pd.Timestamp("2024-03-01", tz="UTC")
    assert rows["y"].sum() == sum(200 + i for i in range(1, 30))
    assert rows["handle_s"].iloc[0] == 191 * 200


def test_an_index_whose_length_nothing_tells_is_asked(tmp_path):
    rows = [f"2024-03-{d:02d},{i},{10 + i}" for d in range(4, 15) for i in range(17, 37)]
    text = "Date,Interval,Offered\n" + "\n".join(rows)
    with pytest.raises(InputError, match='labels = "index"'):
        read(text, tmp_path)
    spec = SourceSpec(
        "volumes",
        str(tmp_path / "report.csv"),
        columns={"ds": "Date + Interval", "y": "Offered"},
        slot_s=1800.0,
        labels="index",
    )
    volumes = load_source(spec).tables["volumes"]
    assert volumes["ds"].iloc[0] == pd.Timestamp("2024-03-04 08:00", tz="UTC")


def test_a_time_of_three_minutes_or_three_seconds_is_asked(tmp_path):
    t = five_minutes().assign(aht=4.2)
    with pytest.raises(InputError, match="units = "):
        read(t.to_csv(index=False), tmp_path)


def test_single_cases_with_a_number_stay_cases(tmp_path):
    rng = np.random.default_rng(5)
    opened = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.sort(rng.integers(0, 40 * 86400, 300)), unit="s")
    cases = pd.DataFrame(
        {
            "Ticket": range(300),
            "Opened": opened,
            "Priority": rng.integers(1, 5, 300),
            "Replies": rng.integers(0, 9, 300),
        }
    )
    (tmp_path / "t.csv").write_text(cases.to_csv(index=False))
    assert recognise(tmp_path / "t.csv").table == "cases"


def test_local_clocks_change_in_reports_too(tmp_path):
    """The night on which the clock goes on has no 02:00; the slots after it are an hour of true time nearer."""
    text = "Date,Interval,Offered\n" + "\n".join(
        f"2024-03-{d},{h:02d}:00,{h}" for d in (30, 31) for h in range(24) if (d, h) != (31, 2)
    )
    (tmp_path / "report.csv").write_text(text)
    spec = SourceSpec(
        "volumes",
        str(tmp_path / "report.csv"),
        timezone="Europe/Berlin",
        columns={"ds": "Date + Interval", "y": "Offered"},
    )
    rows = load_source(spec).tables["volumes"]
    assert len(rows) == 47
    assert rows["ds"].iloc[-1] == pd.Timestamp("2024-03-31 21:00", tz="UTC")


def test_channels_side_by_side_are_series(tmp_path):
    days = pd.date_range("2024-01-01", periods=40)
    wide = pd.DataFrame({"Date": days, "Phone": range(40), "Chat": range(100, 140), "E-mail": 7 + days.day})
    seen, loaded = read(wide.to_csv(index=False), tmp_path)
    rows = loaded.tables["volumes"]
    assert seen.options["across"] == "Phone .. E-mail"
    sums = rows.groupby("unique_id")["y"].sum()
    assert sums["Phone"] == sum(range(40))
    assert sums["E-mail"] == sum(7 + days.day)


def test_columns_of_unknown_counts_are_asked_about_and_each_line_works(tmp_path):
    days = pd.date_range("2024-01-01", periods=40)
    wide = pd.DataFrame({"Date": days, "North": range(40), "South": range(100, 140)})
    (tmp_path / "r.csv").write_text(wide.to_csv(index=False))
    with pytest.raises(InputError, match="several series") as asked:
        recognise(tmp_path / "r.csv")
    assert 'across = "North .. South"' in str(asked.value)
    spec = SourceSpec("volumes", str(tmp_path / "r.csv"), columns={"ds": "Date"}, across="North .. South")
    assert load_source(spec).tables["volumes"]["unique_id"].nunique() == 2
    spec = SourceSpec("volumes", str(tmp_path / "r.csv"), columns={"ds": "Date", "y": "North"})
    assert load_source(spec).tables["volumes"]["y"].sum() == sum(range(40))


def test_one_case_a_day_with_a_priority_is_no_series(tmp_path):
    days = pd.date_range("2024-01-01", periods=60)
    cases = pd.DataFrame({"Opened": days, "Priority": [1 + i % 4 for i in range(60)]})
    (tmp_path / "t.csv").write_text(cases.to_csv(index=False))
    assert recognise(tmp_path / "t.csv").table == "cases"


@pytest.mark.parametrize(
    "name", ["Days open", "Resolution Time (hours)", "Minutes spent", "Lifetime (d)", "Zeit in Tagen"]
)
def test_how_long_a_case_took_is_no_count(name, tmp_path):
    days = pd.date_range("2024-01-01", periods=60)
    cases = pd.DataFrame({"Opened": days, name: [1 + i * 7 % 40 for i in range(60)]})
    (tmp_path / "t.csv").write_text(cases.to_csv(index=False))
    assert recognise(tmp_path / "t.csv").table == "cases"


@pytest.mark.parametrize("name", ["Calls/day", "Daily phone contacts", "Visits per hour"])
def test_what_came_in_such_a_time_is_a_count(name, tmp_path):
    days = pd.date_range("2024-01-01", periods=60)
    counts = pd.DataFrame({"Date": days, name: [100 + i * 7 % 40 for i in range(60)]})
    (tmp_path / "t.csv").write_text(counts.to_csv(index=False))
    assert recognise(tmp_path / "t.csv").columns["y"] == name


def test_rows_of_agents_are_refused_by_name(tmp_path):
    t = truth(days=7, queues=("Sales",))
    rows = pd.concat([
        pd.DataFrame({"Interval Start": t["start"], "Agent Name": a, "Handled": t["answered"], "Avg Handle": t["aht"]})
        for a in ("ann", "bob")
    ])  # fmt: skip
    with pytest.raises(InputError, match="contacts of one agent"):
        read(rows.to_csv(index=False), tmp_path)


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (["Anrufe", "Erreichbarkeit %"], "answered"),
        (["Calls", "AHT (min)"], "handle_s"),
        (["Appels reçus", "Durée moyenne de traitement"], "handle_s"),
        (["Llamadas recibidas", "TMO"], "handle_s"),
        (["Call_Volume", "Svc_Level"], "answered_in_target"),
    ],
)
def test_measures_in_other_words(names, role, tmp_path):
    values = {"answered": 95.0, "handle_s": 4.5 if "min" in names[1] else 270, "answered_in_target": 0.8}
    days = pd.date_range("2024-01-01", periods=30)
    text = pd.DataFrame({"Date": days, names[0]: range(100, 130), names[1]: values[role]}).to_csv(index=False)
    rows = read(text, tmp_path)[1].tables["volumes"]
    each = {"answered": 0.95, "handle_s": 270.0, "answered_in_target": 0.8}[role]
    assert rows[role].sum() == pytest.approx(each * sum(range(100, 130)))
