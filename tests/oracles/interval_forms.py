"""The same made-up intervals, written as the reports of many systems write them."""

from __future__ import annotations

import numpy as np
import pandas as pd


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
