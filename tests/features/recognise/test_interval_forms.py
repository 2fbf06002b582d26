"""One report of two queues in the forms of many systems: what is read has the sums that were written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.features.recognise.collection import recognise
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec


def truth(days=14, first="2024-03-04", step="30min", queues=("Sales", "Support")):
    """Make slots from 08:00 to 18:00 with whole numbers, so that totals are exact."""
    rng = np.random.default_rng(7)
    starts = [
        d + t for d in pd.date_range(first, periods=days) for t in pd.timedelta_range("8h", "17h30min", freq=step)
    ]
    rows = pd.DataFrame([(q, s) for s in starts for q in queues], columns=["queue", "start"])
    rows["offered"] = rng.integers(2, 60, len(rows))
    rows["abandoned"] = np.minimum(rng.integers(0, 4, len(rows)), rows["offered"] - 1)
    rows["answered"] = rows["offered"] - rows["abandoned"]
    rows["talk"], rows["hold"], rows["wrap"] = (
        rng.integers(a, b, len(rows)) for a, b in ((120, 300), (5, 30), (20, 90))
    )
    rows["aht"] = rows["talk"] + rows["hold"] + rows["wrap"]
    rows["wait"] = rng.integers(3, 80, len(rows))
    rows["in_target"] = (rows["answered"] * 0.8).astype(int)
    return rows


def clock(seconds):
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def short_clock(seconds):
    return f":{seconds:02d}" if seconds < 60 else f"{seconds // 60}:{seconds % 60:02d}"


def genesys(t):
    """Genesys Cloud's queue view: milliseconds, filters on every row, a running interval."""
    end = t["start"] + pd.Timedelta("30min")
    out = pd.DataFrame(
        {
            "Interval Start": t["start"].dt.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "Interval End": end.dt.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "Interval Complete": "TRUE",
            "Filters": "Media Type: voice",
            "Media Type": "voice",
            "Queue Id": t["queue"].map(hash).astype(str),
            "Queue Name": t["queue"],
            "Offer": t["offered"],
            "Answer": t["answered"],
            "Abandon": t["abandoned"],
            "ASA": t["wait"] * 1000,
            "Service Level %": t["in_target"] / t["offered"],
            "Handle": t["answered"],
            "Avg Handle": t["aht"] * 1000,
            "Avg Talk": t["talk"] * 1000,
            "Avg Hold": t["hold"] * 1000,
            "Avg ACW": t["wrap"] * 1000,
        }
    )
    running = out.tail(1).assign(
        **{
            "Interval Complete": "FALSE",
            "Interval Start": "2024-03-18T08:00:00.000Z",
            "Interval End": "2024-03-18T08:30:00.000Z",
        }
    )
    return pd.concat([out, running]).to_csv(index=False)


def genesys_history(t):
    """The file that Genesys Cloud imports."""
    return pd.DataFrame(
        {
            "Interval Start UTC Date": t["start"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Queue": t["queue"],
            "Media Type": "Voice",
            "Skill Set": "a|||b",
            "Language": "English",
            "Offered": t["offered"],
            "Interactions Handled": t["answered"],
            "Total Handle Time (Seconds)": t["aht"] * t["answered"],
        }
    ).to_csv(index=False)


def connect(t):
    """Amazon Connect's historical metrics: seconds, percent."""
    end = t["start"] + pd.Timedelta("30min")
    return pd.DataFrame(
        {
            "Queue": t["queue"],
            "StartInterval": t["start"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "EndInterval": end.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Contacts queued": t["offered"],
            "Contacts handled": t["answered"],
            "Contacts abandoned": t["abandoned"],
            "Service level 60 seconds": 100 * t["in_target"] / t["offered"],
            "Average handle time": t["aht"],
            "Average queue answer time": t["wait"],
            "Average after contact work time": t["wrap"],
            "Average customer hold time": t["hold"],
        }
    ).to_csv(index=False)


def five9(t):
    """Five9: capitals, date and half hour apart, clocks; the totals have no word for it."""
    return pd.DataFrame(
        {
            "DATE": t["start"].dt.strftime("%m/%d/%Y"),
            "HALF HOUR": t["start"].dt.strftime("%H:%M"),
            "SKILL": t["queue"],
            "CAMPAIGN": t["queue"] + " in",
            "CALLS": t["offered"],
            "ABANDONED": t["abandoned"],
            "HANDLE TIME": (t["aht"] * t["answered"]).map(clock),
            "SPEED OF ANSWER": t["wait"].map(clock),
        }
    ).to_csv(index=False)


def avaya(t):
    """Avaya: m:ss, below a minute :ss, a row of totals."""
    out = pd.DataFrame(
        {
            "Split/Skill": t["queue"],
            "Date": t["start"].dt.strftime("%m/%d/%Y"),
            "Time": t["start"].dt.strftime("%I:%M%p"),
            "Calls Offered": t["offered"],
            "ACD Calls": t["answered"],
            "Aban Calls": t["abandoned"],
            "Avg Speed Ans": t["wait"].map(short_clock),
            "Avg ACD Time": t["talk"].map(short_clock),
            "Avg Hold Time": t["hold"].map(short_clock),
            "Avg ACW Time": t["wrap"].map(short_clock),
            "% Within Service Level": 100 * t["in_target"] / t["offered"],
        }
    )
    totals = pd.DataFrame(
        [{"Split/Skill": "Totals", "Calls Offered": t["offered"].sum(), "ACD Calls": t["answered"].sum()}]
    )
    return pd.concat([totals, out]).to_csv(index=False)


def avaya_items(t):
    """Avaya's stored items: seconds in all, clock digits."""
    return pd.DataFrame(
        {
            "ROW_DATE": t["start"].dt.strftime("%Y-%m-%d"),
            "STARTTIME": t["start"].dt.strftime("%H%M").astype(int),
            "INTRVL": 30,
            "SPLIT": t["queue"].map({"Sales": 1, "Support": 2}),
            "CALLSOFFERED": t["offered"],
            "ACDCALLS": t["answered"],
            "ABNCALLS": t["abandoned"],
            "ANSTIME": t["wait"] * t["answered"],
            "ACDTIME": t["talk"] * t["answered"],
            "ACWTIME": t["wrap"] * t["answered"],
            "HOLDACDTIME": t["hold"] * t["answered"],
            "ACCEPTABLE": t["in_target"],
        }
    ).to_csv(index=False)


def uccx(t):
    """Cisco UCCX, CSQ activity."""
    return pd.DataFrame(
        {
            "CSQ Name": t["queue"],
            "Interval Start Time": t["start"].dt.strftime("%m/%d/%y %I:%M:%S %p"),
            "Interval End Time": (t["start"] + pd.Timedelta("30min")).dt.strftime("%m/%d/%y %I:%M:%S %p"),
            "Calls Presented": t["offered"],
            "Calls Handled": t["answered"],
            "Calls Abandoned": t["abandoned"],
            "Calls Dequeued": 0,
            "Avg Speed of Answer": t["wait"].map(clock),
            "Avg Handle Time": t["aht"].map(clock),
        }
    ).to_csv(index=False)


def nice(t):
    """NICE IEX: bars, mmddyyyy, period."""
    return pd.DataFrame(
        {
            "ctQueue": t["queue"],
            "date": t["start"].dt.strftime("%m%d%Y"),
            "period": t["start"].dt.strftime("%H:%M"),
            "TZ": "US/Eastern",
            "offered": t["offered"],
            "answered": t["answered"],
            "abandoned": t["abandoned"],
            "total handle time": t["aht"] * t["answered"],
            "answered in sl": t["in_target"],
        }
    ).to_csv(index=False, sep="|")


def german(t):
    """A German report: semicolons, points between thousands, a total at the end."""
    out = pd.DataFrame(
        {
            "Warteschlange": t["queue"],
            "Datum": t["start"].dt.strftime("%d.%m.%Y"),
            "Intervall": t["start"].dt.strftime("%H:%M")
            + " - "
            + (t["start"] + pd.Timedelta("30min")).dt.strftime("%H:%M"),
            "Angebotene Anrufe": t["offered"],
            "Angenommene Anrufe": t["answered"],
            "Abgebrochene Anrufe": t["abandoned"],
            "Ø Bearbeitungszeit": t["aht"].map(clock),
            "Ø Wartezeit": t["wait"].map(clock),
        }
    )
    total = pd.DataFrame(
        [{"Warteschlange": "Gesamt", "Angebotene Anrufe": f"{t['offered'].sum():,}".replace(",", ".")}]
    )
    return pd.concat([out, total]).to_csv(index=False, sep=";")


def index_48(t):
    """Half hours numbered from 1 to 48."""
    number = (t["start"] - t["start"].dt.normalize()) // pd.Timedelta("30min") + 1
    full = pd.DataFrame(
        {
            "Date": t["start"].dt.strftime("%Y-%m-%d"),
            "Interval": number,
            "Queue": t["queue"],
            "Offered": t["offered"],
            "Answered": t["answered"],
            "AHT": t["aht"],
        }
    )
    edge = full.iloc[:1].assign(Interval=48, Offered=0, Answered=0, AHT=200)
    return pd.concat([full, edge]).to_csv(index=False)


def end_labels(t):
    """The end of each half hour; the last of the day is 24:00."""
    whole = pd.DataFrame(
        [(d, f"{m // 60:02d}:{m % 60:02d}") for d in t["start"].dt.normalize().unique() for m in range(30, 1441, 30)],
        columns=["day", "Half hour"],
    )
    end = t.assign(day=t["start"].dt.normalize(), label=(t["start"] + pd.Timedelta("30min")).dt.strftime("%H:%M"))
    sums = end.groupby(["day", "label"])[["offered", "answered", "abandoned"]].sum()
    out = whole.join(sums, on=["day", "Half hour"]).fillna(0)
    return pd.DataFrame(
        {
            "Date": out["day"].dt.strftime("%Y-%m-%d"),
            "Half hour": out["Half hour"],
            "Offered": out["offered"].astype(int),
            "Answered": out["answered"].astype(int),
            "Abandoned": out["abandoned"].astype(int),
        }
    ).to_csv(index=False)


def hours_across(t):
    """Dates down, half hours across."""
    wide = t.assign(day=t["start"].dt.strftime("%d/%m/%Y"), slot=t["start"].dt.strftime("%H:%M"))
    return (
        wide.pivot_table(index="day", columns="slot", values="offered", aggfunc="sum", sort=False)
        .reset_index()
        .to_csv(index=False)
    )


def dates_across(t):
    """Half hours down, dates across."""
    wide = t.assign(day=t["start"].dt.strftime("%Y-%m-%d"), slot=t["start"].dt.strftime("%H:%M"))
    return (
        wide.pivot_table(index="slot", columns="day", values="offered", aggfunc="sum").reset_index().to_csv(index=False)
    )


def with_all(t):
    """A queue called All that is the sum of the others."""
    rows = t[["queue", "start", "offered", "answered"]]
    whole = rows.groupby("start", as_index=False)[["offered", "answered"]].sum().assign(queue="All")
    out = pd.concat([rows, whole]).sample(frac=1, random_state=1)
    return out.rename(
        columns={"queue": "Queue", "start": "Interval", "offered": "Offered", "answered": "Answered"}
    ).to_csv(index=False)


FORMS = [
    genesys,
    genesys_history,
    connect,
    five9,
    avaya,
    avaya_items,
    uccx,
    nice,
    german,
    index_48,
    end_labels,
    hours_across,
    dates_across,
    with_all,
]


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
    assert loaded.rejected["reason"].str.contains("slot came before").all()


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


def test_a_mark_that_may_be_either_is_refused(tmp_path):
    text = "date,calls\n" + "\n".join(
        f"2024-03-{d:02d},{n}" for d, n in enumerate(["1.204", "1500", "1.100", "1700"] * 3, 1)
    )
    with pytest.raises(InputError, match="between thousands or before decimals"):
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
    with pytest.raises(InputError, match="one agent took"):
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
