"""Made-up outcomes of all stages, with the tables that the stages promise."""

import numpy as np
import pandas as pd
from deskcast.pipelines.stage import Stage

MONDAY = pd.Timestamp("2024-04-01")


def made_up_stages(days=140, series=("phone/north", "chat/north", "email/south"), nasty="C-<script>alert(1)</script>"):
    dice = np.random.default_rng(4)
    return [
        check(),
        history(dice, days, series),
        forecast(dice, days, series),
        staff(dice),
        train(),
        risk(dice, nasty),
        watch(),
    ]


def check():
    tables = {
        "checks": pd.DataFrame({"check": ["Rows read", "Span"], "result": ["12,345 cases", "2023-01 to 2024-03"]}),
        "rejected_rows": pd.DataFrame(
            {
                "table": ["cases"],
                "row": [17],
                "column": ["opened"],
                "value": ["31/31/2024"],
                "reason": ["no date"],
                "code": ["time.unreadable"],
            }
        ),
        "availability": pd.DataFrame(
            {
                "kpi": ["cases_opened", "csat"],
                "available": [True, False],
                "computed": [True, False],
                "missing_data": ["", "needs surveys"],
            }
        ),
    }
    return Stage(
        "check", tables, ("12,345 cases were read, 1 row was refused.",), {}, {"rejected_rows": 1.0}, seconds=0.8
    )


def history(dice, days, series):
    ds = pd.date_range(MONDAY - pd.Timedelta(days=days), periods=days, freq="D")
    rows = []
    for name in series:
        channel, region = [*name.split("/"), "all"][:2]
        for kpi, level, n in (
            ("cases_opened", 120, np.nan),
            ("backlog", 300, np.nan),
            ("sla_attainment", 0.9, 110),
            ("resolution_time", 40_000, 110),
        ):
            share = kpi == "sla_attainment"
            noise = dice.normal(0, 0.02 if share else level * 0.1, days)
            value = np.clip(level + noise + (level * 0.15 * np.sin(np.arange(days) / 7 * 6.28)) * (not share), 0, None)
            value = np.minimum(value, 1) if share else value
            frame = pd.DataFrame({"kpi": kpi, "channel": channel, "region": region, "ds": ds, "value": value, "n": n})
            frame["lo"], frame["hi"] = (value - 0.03, np.minimum(value + 0.03, 1)) if share else (np.nan, np.nan)
            frame["numerator"] = value * n
            frame["median"] = frame["p90"] = frame["mean"] = value if kpi == "resolution_time" else np.nan
            rows.append(frame)
    table = pd.concat(rows, ignore_index=True)
    return Stage("history", {"history": table}, ("Last week 842 cases were opened and 815 resolved.",), {"freq": "D"})


def forecast(dice, days, series):
    past = pd.date_range(MONDAY - pd.Timedelta(days=days), periods=days, freq="D")
    ahead = pd.date_range(MONDAY, periods=28, freq="D")

    def curve(ds, level):
        return level * np.where(ds.day_of_week < 5, 1.0, 0.35)

    actuals, forecasts = [], []
    for i, name in enumerate(series):
        level = 150 / (i + 1)
        y = curve(past, level) * dice.normal(1, 0.08, days)
        actuals.append(pd.DataFrame({"unique_id": name, "ds": past, "y": y.round()}))
        f = curve(ahead, level)
        widths = {80: 0.12, 95: 0.2}
        bounds = {f"deskcast-{s}-{w}": f * (1 + g * v) for w, v in widths.items() for s, g in (("lo", -1), ("hi", 1))}
        forecasts.append(
            pd.DataFrame(
                {"unique_id": name, "ds": ahead, "deskcast": f, **bounds, "seasonal_naive": f * 1.05, "same_slot": f}
            )
        )
    board = pd.DataFrame(
        {
            "model": ["same_slot", "seasonal_naive"],
            "wape": [0.081, 0.104],
            "mase": [0.83, 1.0],
            "wql": [0.06, 0.08],
            "coverage_80": [0.79, 0.81],
            "coverage_95": [0.945, 0.955],
            "seconds": [0.2, 0.1],
        }
    )
    tables = {"actuals": pd.concat(actuals), "forecast": pd.concat(forecasts), "leaderboard": board}
    findings = ("Next week 1,912 cases are expected, with 80% between 1,720 and 2,104.", "Monday is the heaviest day.")
    params = {"freq": "D", "horizon": 28}
    return Stage("forecast", tables, findings, params, {"wape": 0.081, "coverage_80": 0.79}, seconds=2.4)


def staff(dice):
    slots = pd.date_range(MONDAY, MONDAY + pd.Timedelta(days=7), freq="30min", inclusive="left")
    slots = slots[(slots.hour >= 8) & (slots.hour < 18) & (slots.day_of_week < 5)]
    frames = []
    for queue, top in (("phone", 60), ("chat", 25)):
        calls = top * (0.4 + np.sin((slots.hour + slots.minute / 60 - 8) / 10 * np.pi))
        agents = np.ceil(calls * 300 / 1800 * 1.2 + 1)
        frames.append(
            pd.DataFrame(
                {
                    "queue": queue,
                    "ds": slots,
                    "calls": calls,
                    "calls_hi": calls * 1.15,
                    "aht_s": 300.0,
                    "load": calls * 300 / 1800,
                    "agents": agents.astype(int),
                    "agents_to_schedule": np.ceil(agents / 0.7).astype(int),
                    "agents_hi": (agents + 2).astype(int),
                    "service_level": np.clip(0.84 + dice.normal(0, 0.02, len(slots)), 0, 1),
                    "occupancy": 0.8,
                    "mean_wait_s": 12.0,
                    "miss_probability": np.clip(dice.normal(0.1, 0.04, len(slots)), 0, 1),
                    "binding": "service level",
                }
            )
        )
    findings = ("Next week takes 21 people on the phone at its busiest, Monday at 13:00.",)
    return Stage("staff", {"staffing": pd.concat(frames, ignore_index=True)}, findings, {"queues": "phone,chat"})


def train():
    evaluation = pd.DataFrame(
        {
            "model": ["base rate", "logistic"],
            "n": [2000, 2000],
            "base_rate": [0.18, 0.18],
            "auc": [0.5, 0.84],
            "average_precision": [0.18, 0.55],
            "brier": [0.147, 0.1],
            "ece": [0.0, 0.018],
            "promoted": [False, True],
        }
    )
    predicted = np.linspace(0.05, 0.95, 10)
    reliability = pd.DataFrame({"model": "logistic", "predicted": predicted, "observed": predicted**1.1, "n": 200})
    reliability["lo"], reliability["hi"] = (reliability["observed"] - 0.06).clip(0), reliability["observed"] + 0.06
    findings = ("The breach model's probabilities are off by 1.8 points on average.",)
    return Stage("train", {"evaluation": evaluation, "calibration": reliability}, findings, {"seed": 7}, {"auc": 0.84})


def risk(dice, nasty, n=40):
    at = pd.Timestamp("2024-04-01T06:00Z")
    p = np.sort(dice.random(n))[::-1]
    table = pd.DataFrame(
        {
            "rank": np.arange(1, n + 1),
            "case_id": [nasty, *[f"INC{i:05d}" for i in range(1, n)]],
            "metric": "resolution",
            "probability": p,
            "risk_level": np.where(p > 0.9, "very high", np.where(p > 0.5, "high", "low")),
            "due_at": (at + pd.to_timedelta(dice.integers(1, 90, n), unit="h")).as_unit("us"),
            "left_s": dice.integers(1, 90, n) * 3600.0,
            "paused": dice.random(n) > 0.8,
            "team": "second line",
            "priority": "2",
            "age_s": 80_000.0,
            "reason_1": "80% of the time is used",
            "reason_2": "handed over twice",
            "reason_3": None,
            "action": "call the customer",
        }
    )
    broken = pd.DataFrame(
        {
            "case_id": ["INC9"],
            "metric": ["resolution"],
            "due_at": [at],
            "overdue_s": [7200.0],
            "team": ["first line"],
            "priority": ["1"],
        }
    )
    findings = (f"Case {nasty} will most likely break its promise: 98%.", "7 open cases are more likely than not.")
    return Stage("risk", {"risk": table, "breached_cases": broken}, findings, {}, {"open": float(n)})


def watch():
    shifts = pd.DataFrame(
        {
            "kpi": ["cases_opened", "sla_attainment"],
            "series": ["phone/north", "chat/north"],
            "kind": ["level_shift", "spike"],
            "direction": ["up", "down"],
            "started_at": [MONDAY - pd.Timedelta(days=20), MONDAY - pd.Timedelta(days=3)],
            "detected_at": [MONDAY - pd.Timedelta(days=18), MONDAY - pd.Timedelta(days=3)],
            "last_at": [MONDAY - pd.Timedelta(days=1), MONDAY - pd.Timedelta(days=3)],
            "before": [120.0, 0.91],
            "after": [161.0, 0.62],
            "n": [18, 1],
            "z": [5.2, -7.7],
            "drivers": ["product=router", ""],
            "resolved": [False, True],
        }
    )
    drivers = pd.DataFrame(
        {
            "kpi": ["cases_opened"],
            "series": ["phone/north"],
            "column": ["product"],
            "value": ["router"],
            "before": [30.0],
            "after": [66.0],
            "contribution": [36.0],
        }
    )
    findings = ("Cases opened on phone/north rose from 120 to 161 a day since 12 March.",)
    return Stage("watch", {"detections": shifts, "drivers": drivers}, findings, {"threshold": 4.0}, {"kpi_alerts": 2.0})
