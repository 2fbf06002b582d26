"""Counts by interval or day to volumes: what was offered, and the other measures of an interval report as totals.

Measures are the totals of a row. An average is for each answered contact; it is multiplied by them, so that what is
summed later is a total and never an average of averages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..case_log.schema import TABLES
from ..errors import InputError
from ..readers.numbers import describe_number_format, detect_number_format, parse_numbers
from .amounts import check_units, read_seconds
from .columns import ImportReport, choose_columns, read_column, split_column_names
from .interval_rows import read_starts, unpivot_across
from .rows import is_in_span, read_column_text
from .spec import LoadedSource, SourceSpec

#: Measures that are counts, and the times that are totals in seconds.
COUNT_MEASURES = ("y", "answered", "abandoned", "short_abandons", "transferred_out", "answered_in_target")
TIME_MEASURES = ("handle_s", "talk_s", "hold_s", "wrap_s", "wait_s")
#: Averages for each answered contact, and shares; the canonical table has what they give.
MEAN_MEASURES = {f"mean_{name}": name for name in TIME_MEASURES}
SHARE_MEASURES = {"answered_share": "answered", "abandoned_share": "abandoned", "service_level": "answered_in_target"}
#: Whether a row is over: an interval that still runs is left out.
COMPLETE = "complete"
#: All roles that a column of an interval report may have.
VOLUME_ROLES = (
    "unique_id", "ds", "slot_s", *COUNT_MEASURES, *TIME_MEASURES, "target_s", *MEAN_MEASURES, *SHARE_MEASURES, COMPLETE,
)  # fmt: skip
#: What a row of totals is called.
TOTAL_WORDS = (
    r"(grand |sub)?totals?|sum|summe|gesamt(summe)?|summary|total g[e\u00e9]n[e\u00e9]ral|totale|celkem|suma|"
    r"insgesamt|somme|overall"
)
#: What one row of totals for all queues is called, where its figures bear that out.
_ALL_WORDS = r"all|alle|tous|todos|todas|tutti|\(?all queues\)?"


def read_volumes(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    """Read counts by interval, with all that the report says beside them.

    Raises
    ------
    InputError
        If a column is missing, a unit is unknown, or no row can be used.

    Examples
    --------
    >>> frame = pd.DataFrame({"Start": ["2024-03-01 09:00", "2024-03-01 09:30"], "Offered": ["1,200", "40"],
    ...                       "Answered": ["1,000", "40"], "AHT": ["4:00", "3:00"]})
    >>> columns = {"ds": "Start", "y": "Offered", "answered": "Answered", "mean_handle_s": "AHT"}
    >>> loaded = read_volumes(SourceSpec("volumes", "report.csv", columns=columns), frame)
    >>> loaded.tables["volumes"][["y", "handle_s", "slot_s"]].values.tolist()
    [[1200.0, 240000.0, 1800.0], [40.0, 7200.0, 1800.0]]
    """
    ledger = ImportReport("volumes", Path(spec.path).name, len(frame))
    spec, frame = unpivot_across(spec, frame, ledger)
    found = choose_columns(spec, frame, dict.fromkeys(VOLUME_ROLES, "number"), ("ds", "y"))
    check_units(spec, found.values(), ledger.where)
    _reject_total_rows(spec, frame, found, ledger)
    _reject_running(spec, frame, found, ledger)
    cast = pd.DataFrame(index=frame.index)
    cast["unique_id"] = _series_names(spec, frame, found, ledger)
    cast["ds"] = read_starts(spec, frame, found["ds"], ledger)
    for role in (r for r in found if r in (*COUNT_MEASURES, *SHARE_MEASURES)):
        cast[role] = _numbers(spec, frame, found[role], role, ledger)
    for role in (r for r in found if r in (*TIME_MEASURES, *MEAN_MEASURES, "slot_s", "target_s")):
        cast[role] = read_seconds(spec, frame, found[role], ledger)
    cast["ds"] = _resolve_repeated_hour(cast, spec, ledger)
    twice = cast[["unique_id", "ds"]].duplicated().to_numpy() & ledger.accepted
    shown = read_column_text(spec, frame, found["ds"])
    ledger.reject(twice, found["ds"], shown, "duplicate interval; the first is kept", code="row.doubled")
    ledger.check_rows_left()
    cast = cast[ledger.accepted & is_in_span(spec, cast["ds"].where(ledger.accepted), ledger, "slots")]
    cast = _reject_sum_series(cast, ledger)
    if "slot_s" not in found:
        cast["slot_s"] = spec.slot_s or infer_time_step_s(cast, ledger)
    if spec.labels == "end":
        cast["ds"] = cast["ds"] - pd.to_timedelta(cast["slot_s"], unit="s")
        ledger.add_note(f"'{found['ds']}' is the end of each interval; the slot begins before it")
    cast = add_totals(cast, ledger, found)
    if spec.target_s is not None and "answered_in_target" in cast:
        cast["target_s"] = spec.target_s
    names = [n for n in TABLES["volumes"].names if n in cast]
    out = cast[names].sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    return LoadedSource({"volumes": out}, ledger.rejected(), tuple(ledger.notes), until=ledger.until)


def add_totals(rows: pd.DataFrame, ledger: ImportReport, found: dict[str, str]) -> pd.DataFrame:
    """Turn averages and shares into totals, and fill measures that follow from others.

    >>> rows = pd.DataFrame({"y": [10.0], "abandoned": [2.0], "mean_talk_s": [100.0], "mean_wrap_s": [20.0]})
    >>> add_totals(rows, ImportReport("volumes", "x", 1), {})[["answered", "handle_s"]].values.tolist()
    [[8.0, 960.0]]
    """
    out = rows.copy()
    for share, name in SHARE_MEASURES.items():
        if share in out and name not in out:
            out[name] = _as_share(out[share]) * out["y"]
            if share == "service_level":
                ledger.add_note(f"'{found.get(share, share)}' is taken as a share of '{found.get('y', 'y')}'")
    if "answered" not in out and "abandoned" in out:
        gone = out["abandoned"] + (out["transferred_out"].fillna(0) if "transferred_out" in out else 0)
        out["answered"] = (out["y"] - gone).clip(lower=0)
        ledger.add_note("no column counts the answered: they are what was offered and not abandoned")
    handled = out["answered"] if "answered" in out else out["y"]
    means = [m for m, name in MEAN_MEASURES.items() if m in out and name not in out]
    for mean in means:
        out[MEAN_MEASURES[mean]] = (out[mean] * handled).mask(handled == 0, 0.0)
    if means:
        basis = f"'{found.get('answered', 'answered')}'" if "answered" in out else f"'{found.get('y', 'y')}', as no"
        said = ", ".join(f"'{found.get(m, m)}'" for m in means)
        ledger.add_note(
            f"averages ({said}) are multiplied by {basis}{'' if 'answered' in out else ' answered are told'}"
        )
    parts = [n for n in ("talk_s", "hold_s", "wrap_s") if n in out]
    if "handle_s" not in out and "talk_s" in parts:
        out["handle_s"] = out[parts].sum(axis=1, min_count=1).mask(out["talk_s"].isna())
        ledger.add_note(
            f"handle time is the sum of {', '.join(found.get(p, found.get(f'mean_{p}', p)) for p in parts)}"
        )
    return out


def infer_time_step_s(volumes: pd.DataFrame, ledger: ImportReport) -> float:
    """Return the length of a slot in seconds: the commonest distance of neighbouring times, whatever their order."""
    step, share = common_step_s(volumes["ds"])
    if step is None:
        raise InputError(
            "unknown length of the intervals: there is one only",
            where=ledger.where,
            hint="set slot, such as '30min'",
            code="frequency.invalid",
        )
    ledger.add_note(f"a slot is {step:,.0f} s long, the commonest distance ({share:.0%} of them)")
    return step


#: A step that so many neighbours are apart is the step, whatever shorter ones there are.
MIN_USUAL_STEP = 0.8


def common_step_s(times: pd.Series[Any]) -> tuple[float | None, float]:
    """Return the commonest distance of neighbouring distinct times, and its share; nights do not count.

    >>> common_step_s(pd.Series(pd.to_datetime(["2024-03-02 08:00", "2024-03-01 12:00", "2024-03-01 08:00"])))
    (14400.0, 1.0)
    """
    there = times.dropna().drop_duplicates().sort_values()
    steps = there.diff().dt.total_seconds()
    inside = steps[(there.dt.normalize() == there.shift().dt.normalize()) & (steps > 0)]
    steps = inside if len(inside) else steps[steps > 0]
    if steps.empty:
        return None, 0.0
    counts = steps.value_counts()
    step = float(counts.index[counts == counts.max()].min())
    least = float(steps.min())
    usual = float((steps == step).mean()) >= MIN_USUAL_STEP  # weeks that are cut at the end of a year are no days
    if least < step and not usual and bool((steps % least == 0).mean() >= 0.99) and (steps % step != 0).mean() > 0.02:
        step = least  # rows without arrivals are left out, so that a double step is the commonest
    return step, float((steps == step).mean())


def _series_names(spec: SourceSpec, frame: pd.DataFrame, found: dict[str, str], ledger: ImportReport) -> pd.Series[Any]:
    """Return the name of the series of each row; several columns are joined by a slash."""
    if "unique_id" not in found:
        return pd.Series("all", index=frame.index, dtype="str")
    parts = [
        read_column_text(spec, frame, p)
        for p in split_column_names(found["unique_id"], [str(c) for c in frame.columns])
    ]
    missing = parts[0].isna().to_numpy()
    if len(parts) == 1:
        ledger.reject(missing, found["unique_id"], parts[0], "missing value", code="value.missing")
        return parts[0].astype("str")
    joined = parts[0].astype("str").fillna("-")
    for part in parts[1:]:
        joined = joined + "/" + part.astype("str").fillna("-")
    return joined


def _numbers(spec: SourceSpec, frame: pd.DataFrame, source: str, role: str, ledger: ImportReport) -> pd.Series[Any]:
    """Read a count or a share; several columns of counts are added."""
    columns = split_column_names(source, [str(c) for c in frame.columns])
    total: pd.Series[Any] | None = None
    for column in columns:
        raw = read_column(spec, frame, column)
        whole = role in COUNT_MEASURES
        form = detect_number_format(raw, whole=whole)
        part = parse_numbers(raw, form)
        if form.ambiguous and whole:
            odd = raw[raw.astype("str").str.contains("[.,]", regex=True).fillna(False)]
            raise InputError(
                "unknown meaning of the mark: thousands or decimals", where=ledger.where,
                column=column, got=odd.iloc[0], wanted="one way of writing, such as 1204",
                code="reading.unclear",
            )  # fmt: skip
        bad = (raw.notna() & part.isna()).to_numpy(dtype=bool)
        if bad.any() and int(bad.sum()) == int(raw.notna().sum()):
            raise InputError(
                "not a valid number in any row", where=ledger.where, column=column,
                row=int(bad.argmax()) + 1, got=raw.iloc[int(bad.argmax())],
                code="value.unreadable",
            )  # fmt: skip
        ledger.reject(bad, column, raw, "the value is not a number", code="value.unreadable")
        if role == "y":
            if raw.isna().all():
                raise InputError("the column has no values", where=ledger.where, column=column, code="column.empty")
            ledger.reject(raw.isna().to_numpy(), column, raw, "missing value", code="value.missing")
        if role in COUNT_MEASURES:
            ledger.reject(
                (part < 0).to_numpy(dtype=bool), column, part, "a count cannot be below 0", code="value.range"
            )
        said = describe_number_format(form)
        if said:
            ledger.add_note(f"'{column}' is read {said}")
        total = part if total is None else total + part
    assert total is not None
    return total


def _as_share(values: pd.Series[Any]) -> pd.Series[Any]:
    """Read percent as shares: decided for the whole column, not for each cell."""
    most = values.max()
    return values / 100 if not pd.isna(most) and most > 1.5 else values


def _reject_total_rows(spec: SourceSpec, frame: pd.DataFrame, found: dict[str, str], ledger: ImportReport) -> None:
    """Refuse rows that are called a total where a time or a series should stand."""
    there = [str(c) for c in frame.columns]
    for role in ("ds", "unique_id"):
        for column in split_column_names(found[role], there) if role in found else []:
            text = read_column_text(spec, frame, column)
            if str(frame[column].dtype) != "str":
                continue
            total = text.str.strip().str.lower().str.fullmatch(TOTAL_WORDS).fillna(False).to_numpy(dtype=bool)
            ledger.reject(total, column, text, "a row of totals, which the other rows give", code="row.total")


def _reject_running(spec: SourceSpec, frame: pd.DataFrame, found: dict[str, str], ledger: ImportReport) -> None:
    """Leave out intervals that were still running when the report was made."""
    if COMPLETE in found:
        text = read_column_text(spec, frame, found[COMPLETE])
        running = text.str.lower().isin(["false", "0", "no", "n", "nein", "non"]).to_numpy()
        ledger.reject(
            running, found[COMPLETE], text, "the interval was still running when the report was made", code="row.other"
        )


def _reject_sum_series(rows: pd.DataFrame, ledger: ImportReport) -> pd.DataFrame:
    """Leave out a series named All that is the sum of the others."""
    names = rows["unique_id"].astype("str")
    whole = names.str.strip().str.lower().str.fullmatch(_ALL_WORDS).to_numpy(dtype=bool)
    if not whole.any() or whole.all():
        return rows
    others = rows[~whole].groupby("ds")["y"].sum()
    same = np.isclose(rows.loc[whole, "y"], others.reindex(rows.loc[whole, "ds"]).fillna(0.0))
    if same.mean() < 0.9:
        return rows
    ledger.add_note(f"the series {names[whole].iloc[0]!r} is the sum of the others and left out ({whole.sum():,} rows)")
    return rows[~whole]


def _resolve_repeated_hour(volumes: pd.DataFrame, spec: SourceSpec, ledger: ImportReport) -> pd.Series[Any]:
    """Read the second of two equal local slots as the second pass of the hour that the clock has twice."""
    ds = volumes["ds"]
    twice = volumes[["unique_id", "ds"]].duplicated().to_numpy() & ledger.accepted
    if spec.timezone == "UTC" or not twice.any():
        return ds
    later = ds + pd.Timedelta("1h")
    local, after = (i.dt.tz_convert(spec.timezone).dt.tz_localize(None) for i in (ds, later))
    second = twice & (local == after).to_numpy(dtype=bool)
    if second.any():
        ledger.add_note(f"{int(second.sum()):,} slots are the second pass of an hour that {spec.timezone} has twice")
    return ds.mask(second, later)
