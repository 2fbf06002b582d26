"""Survey files to surveys: one row an answer, or one row a respondent with a column for each question.

The scales are those of the literature: customer satisfaction from 1 to 5, the net promoter question from 0 to 10
(F. Reichheld 2003, "The One Number You Need to Grow", Harvard Business Review 81(12)), effort from 1 to 7 (M. Dixon,
K. Freeman and N. Toman 2010, "Stop Trying to Delight Your Customers", Harvard Business Review 88(7-8)).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ..case_log.schema import TABLES
from ..errors import InputError, did_you_mean
from .columns import ImportReport, cast_columns
from .export import ExportTable
from .rows import is_in_span
from .spec import LoadedSource, SourceSpec

#: Kind of survey -> lowest and highest score.
SURVEY_SCALES = {"csat": (1.0, 5.0), "nps": (0.0, 10.0), "ces": (1.0, 7.0), "agent_satisfaction": (0.0, 10.0)}
_TIMES = {"offered_at": "instant", "responded_at": "instant"}
SURVEY_TABLE = ExportTable(
    "surveys", ("survey",),
    {
        "survey_id": ("survey_id", "response_id", "id", "survey response id"),
        "case_id": (
            "case_id", "ticket_id", "case number", "ticket", "incident", "number", "issue key", "case", "ticket number",
        ),
        "agent_id": ("agent_id", "employee_id", "agent", "employee"),
        "offered_at": ("offered_at", "sent_at", "sent", "sent date", "invited_at", "invitation date", "offered"),
        "responded_at": (
            "responded_at", "response date", "answered_at", "responded", "completed_at", "submitted_at", "date",
            "timestamp", "recorded date",
        ),
        "kind": ("kind", "survey", "survey type", "type", "metric"),
        "score": ("score", "rating", "answer", "value"),
        "problem_solved": ("problem_solved", "solved", "resolved", "was your problem solved"),
        "csat": ("csat", "csat score", "satisfaction", "satisfaction score", "customer satisfaction"),
        "nps": ("nps", "nps score", "recommend", "likelihood to recommend"),
        "ces": ("ces", "ces score", "effort", "effort score", "customer effort"),
        "agent_satisfaction": ("agent_satisfaction", "esat", "employee satisfaction", "enps"),
    },
    (), (), {**_TIMES, "score": "number", "problem_solved": "flag", **dict.fromkeys(SURVEY_SCALES, "number")},
)  # fmt: skip


def read_surveys(spec: SourceSpec, frame: pd.DataFrame) -> LoadedSource:
    """Read a survey file; a score outside its scale is refused.

    ``spec.columns`` may name the columns; ``spec.kinds`` says which kind of survey a column of scores is, such as
    ``score = "nps"``, or what the file's own name of a survey means, such as ``"Post-chat" = "csat"``.

    Raises
    ------
    InputError
        If there is no score, no time, or nothing tells what kind of survey it is.

    Examples
    --------
    >>> frame = pd.DataFrame({"case_id": ["1", "2"], "csat": ["5", "9"], "responded_at": ["2024-03-02", "2024-03-02"]})
    >>> loaded = read_surveys(SourceSpec("surveys", "answers.csv", kind="survey"), frame)
    >>> loaded.tables["surveys"][["case_id", "kind", "score"]].to_dict("records")
    [{'case_id': '1', 'kind': 'csat', 'score': 5.0}]
    >>> loaded.rejected["reason"].tolist()
    ['the score is outside its scale']
    """
    where = Path(spec.path).name
    own = _stated(spec, frame, where)
    found = {**SURVEY_TABLE.found(frame), **own}
    wide = [k for k in SURVEY_SCALES if k in found]
    if not wide and "score" not in found:
        raise InputError(
            "missing column of scores",
            where=where,
            hint="columns = { score = '...' } or a column named csat, nps or ces",
            code="column.missing",
        )
    if not {"offered_at", "responded_at"} & set(found):
        raise InputError(
            "missing column of times", where=where, hint="columns = { responded_at = '...' }", code="time.none"
        )
    ledger = ImportReport("surveys", where, len(frame))
    kinds = {role: SURVEY_TABLE.kinds.get(role, "id" if role.endswith("_id") else "text") for role in found}
    rows = cast_columns(spec, frame, found, kinds, (), ledger)
    rows = _timed(rows, wide, ledger)
    if "survey_id" in rows:
        missing = rows["survey_id"].isna()
        twice = rows["survey_id"].duplicated() & ~missing
        ledger.reject(
            twice.to_numpy(),
            found["survey_id"],
            rows["survey_id"],
            "duplicate survey; the first is kept",
            code="row.doubled",
        )
    number = pd.Series(range(1, len(rows) + 1), index=rows.index).astype("str").str.zfill(len(str(len(rows))))
    rows["survey_id"] = rows["survey_id"].fillna(number) if "survey_id" in rows else number
    parts = [_of_kind(rows, k, found[k], ledger) for k in wide] or [_by_kind(rows, spec, found, ledger)]
    for again in parts[1:]:  # whether the problem was solved was asked once
        again["problem_solved"] = pd.Series(pd.NA, index=again.index, dtype="boolean")
    ledger.check_rows_left()
    out = pd.concat([p.loc[p.index.intersection(rows.index[ledger.accepted])] for p in parts], ignore_index=True)
    if len(wide) > 1:
        out["survey_id"] = out["survey_id"] + "-" + out["kind"]
    out = out[is_in_span(spec, out["offered_at"], ledger, "surveys")]
    names = [n for n in TABLES["surveys"].names if n in out]
    surveys = out[names].sort_values("survey_id", kind="stable", ignore_index=True)
    return LoadedSource({"surveys": surveys}, ledger.rejected(), tuple(ledger.notes), until=ledger.until)


def _stated(spec: SourceSpec, frame: pd.DataFrame, where: str) -> dict[str, str]:
    for role, column in spec.columns.items():
        if role not in SURVEY_TABLE.columns:
            hint = did_you_mean(role, tuple(SURVEY_TABLE.columns))
            raise InputError(
                "unknown column of a survey",
                where=f"columns of {where}",
                column=role,
                hint=hint,
                code="column.unknown",
            )
        if column not in frame:
            hint = did_you_mean(column, [str(c) for c in frame.columns])
            raise InputError(
                f"the file has no column '{column}' for '{role}'", where=where, hint=hint, code="column.unknown"
            )
    for name, kind in spec.kinds.items():
        if kind not in SURVEY_SCALES:
            hint = did_you_mean(kind, tuple(SURVEY_SCALES))
            raise InputError(
                "unknown kind of survey",
                where=f"kinds of {where}",
                column=name,
                got=kind,
                hint=hint,
                code="value.unknown",
            )
    return dict(spec.columns)


def _timed(rows: pd.DataFrame, wide: list[str], ledger: ImportReport) -> pd.DataFrame:
    """Fill the time that a file does not have: a file of answers alone says nothing of who was asked in vain."""
    out = rows.copy()
    answered = out[[*wide] if wide else ["score"]].notna().any(axis=1)
    if "offered_at" not in out:
        out["offered_at"] = out["responded_at"]
        ledger.add_note(
            "there is no time of the offer; it is taken as that of the answer, so a response rate means nothing"
        )
    elif "responded_at" not in out:
        out["responded_at"] = out["offered_at"].where(answered)
        ledger.add_note("there is no time of the answer; it is taken as that of the offer")
    early = (out["responded_at"] < out["offered_at"]).to_numpy(dtype=bool)
    text = out["responded_at"].astype("str")
    ledger.reject(early, "responded_at", text, "answered before it was offered", code="time.order")
    ledger.reject(
        out["offered_at"].isna().to_numpy() & ledger.accepted,
        "offered_at",
        text,
        "missing time",
        code="time.missing",
    )
    out["responded_at"] = out["responded_at"].where(answered)
    return out


def _of_kind(rows: pd.DataFrame, kind: str, column: str, ledger: ImportReport) -> pd.DataFrame:
    """Return the surveys of one column of scores; who left this question open was still asked it."""
    _on_scale(rows[kind], pd.Series(kind, index=rows.index), column, ledger)
    out = rows.drop(columns=[k for k in SURVEY_SCALES if k in rows]).assign(kind=kind, score=rows[kind])
    return out.assign(responded_at=out["responded_at"].where(out["score"].notna()))


def _by_kind(rows: pd.DataFrame, spec: SourceSpec, found: dict[str, str], ledger: ImportReport) -> pd.DataFrame:
    stated = spec.kinds.get("score") or spec.kinds.get(found["score"])
    if stated:
        kind = pd.Series(stated, index=rows.index)
    elif "kind" in rows:
        known = {**{k: k for k in SURVEY_SCALES}, **spec.kinds}
        kind = rows["kind"].map(known).astype("str").where(rows["kind"].isin(list(known)))
        lower = rows["kind"].str.lower().str.replace(" ", "_")
        kind = kind.fillna(lower.where(lower.isin(list(SURVEY_SCALES))))
        ledger.reject(
            kind.isna().to_numpy(),
            found["kind"],
            rows["kind"],
            f"unknown kind of survey; known: {', '.join(SURVEY_SCALES)}",
            code="value.unknown",
        )
    else:
        kind = pd.Series(_from_name(ledger.where), index=rows.index)
    _on_scale(rows["score"], kind, found["score"], ledger)
    return rows.assign(kind=kind)


def _from_name(where: str) -> str:
    named = [k for k in SURVEY_SCALES if k in where.lower()]
    if len(named) != 1:
        hint = "say it in the source: kinds = { score = 'csat' }"
        raise InputError(
            "unknown kind of survey",
            where=where,
            wanted=", ".join(SURVEY_SCALES),
            hint=hint,
            code="reading.unclear",
        )
    return named[0]


def _on_scale(score: pd.Series[Any], kind: pd.Series[Any], column: str, ledger: ImportReport) -> None:
    low, high = (
        kind.map({k: v[0] for k, v in SURVEY_SCALES.items()}),
        kind.map({k: v[1] for k, v in SURVEY_SCALES.items()}),
    )
    off = ((score < low) | (score > high)).to_numpy(dtype=bool)
    ledger.reject(off, column, score.astype("str"), "the score is outside its scale", code="value.range")
