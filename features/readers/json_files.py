"""JSON as systems export it: one list, one object around lists, or one object a line; nested names joined by dots."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ..errors import InputError

#: Keys by which an object shows that it is a record itself and no envelope around lists of records.
_RECORD_KEYS = ("id", "key", "number", "sys_id", "Id", "ticket_id", "case_id")


def is_json(text: str) -> bool:
    """Return whether a text begins as JSON does.

    >>> is_json('{"id": 1}'), is_json("[1]"), is_json("id,opened")
    (True, True, False)
    """
    return text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def read_json(text: str, where: str) -> dict[str, pd.DataFrame]:
    """Read JSON to one frame of text for each list in it.

    Parameters
    ----------
    text
        A list of objects, an object around such lists (as an incremental export gives them), or JSON lines, each line
        a record or such an object.
    where
        Name of the file, for messages.

    Returns
    -------
    dict
        Name of the list (empty for a bare one) -> its records; values are text, nested names are joined by dots, lists
        stay as JSON text, and what is null or absent is missing.

    Raises
    ------
    InputError
        If the text is not JSON, a record is no object, or there is no record.

    Examples
    --------
    >>> found = read_json('{"tickets": [{"id": 7, "via": {"channel": "web"}, "tags": ["a"]}], "count": 1}', "t.json")
    >>> found["tickets"].to_dict("records")
    [{'id': '7', 'via.channel': 'web', 'tags': '["a"]'}]
    """
    try:
        return _frames(text, where)
    except RecursionError:
        problem, hint = "the JSON is nested too deep to be a table", "export flat records"
        raise InputError(problem, where=where, wanted='such as [{"id": 1}]', hint=hint, code="json.invalid") from None


def _frames(text: str, where: str) -> dict[str, pd.DataFrame]:
    lists: dict[str, list[Mapping[str, Any]]] = {}
    documents = _documents(text, where)
    for document in documents:
        for name, records in _lists(document) if len(documents) > 1 else _inner_lists(document):
            bad = next((r for r in records if not isinstance(r, dict)), None)
            if bad is not None:
                raise InputError(
                    "a record is not an object",
                    where=where,
                    got=str(bad)[:60],
                    wanted='such as {"id": 1}',
                    code="json.invalid",
                )
            lists.setdefault(name, []).extend(records)
    frames = {name: build_text_frame(records) for name, records in lists.items() if records}
    if not frames:
        raise InputError(
            "the file has no records", where=where, wanted="objects with the columns of a table", code="file.empty"
        )
    return frames


def build_text_frame(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return records as a frame of text, nested names joined by dots and lists as JSON text."""
    flat: list[dict[str, str | None]] = []
    for record in records:
        row: dict[str, str | None] = {}
        _flatten(record, "", row)
        flat.append(row)
    names = dict.fromkeys(name for row in flat for name in row)
    return pd.DataFrame({n: pd.Series([row.get(n) for row in flat], dtype="str") for n in names})


def parse_json_list(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list that is kept as JSON text; what is no such list has none.

    >>> parse_json_list('[{"field": "status"}]'), parse_json_list(None), parse_json_list("no list")
    ([{'field': 'status'}], [], [])
    """
    if not isinstance(value, str) or not value.startswith("["):
        return []
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return []
    return [item for item in found if isinstance(item, dict)]


def parse_json_object(value: object) -> dict[str, Any]:
    """Return an object that is kept as JSON text; what is none has nothing.

    >>> parse_json_object('{"status": [0, 1]}'), parse_json_object("[1]"), parse_json_object(None)
    ({'status': [0, 1]}, {}, {})
    """
    if not isinstance(value, str) or not value.startswith("{"):
        return {}
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def join_json_object(frame: pd.DataFrame, name: str) -> pd.Series[Any] | None:
    """Return the object that was taken apart into columns ``name.key``, as JSON text again; nothing if there is none.

    >>> join_json_object(pd.DataFrame({"c.status": ["[0, 1]", None]}), "c").tolist()
    ['{"status": [0, 1]}', nan]
    """
    inside = [str(c) for c in frame.columns if str(c).startswith(f"{name}.")]
    if not inside:
        return None
    texts: list[str | None] = []
    for row in frame[inside].astype(object).where(frame[inside].notna(), None).itertuples(index=False):
        keys = [c.removeprefix(f"{name}.") for c in inside]
        there = {k: _parse_value(v) for k, v in zip(keys, row, strict=True) if v is not None}
        texts.append(json.dumps(there) if there else None)
    return pd.Series(texts, index=frame.index, dtype="str")


def _parse_value(text: str) -> Any:
    """Return a list that is kept as JSON text, else the text."""
    if not text.startswith("["):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _documents(text: str, where: str) -> list[Any]:
    body = text.lstrip("\ufeff").strip()
    try:
        return [json.loads(body)]
    except RecursionError as error:
        raise InputError(
            "the JSON is nested too deeply for a table", where=where, wanted="a list of objects", code="json.invalid"
        ) from error
    except ValueError as whole:
        lines = [(i, line) for i, line in enumerate(body.splitlines(), 1) if line.strip()]
        documents = []
        for number, line in lines:
            try:
                documents.append(json.loads(line))
            except RecursionError as error:
                raise InputError(
                    f"line {number:,} is nested too deeply for a table", where=where, row=number, code="json.invalid"
                ) from error
            except ValueError as error:
                if number == 1 or len(lines) == 1:  # not JSON lines: what is wrong with the whole says more
                    raise InputError(f"not valid JSON: {whole}", where=where, code="json.invalid") from whole
                raise InputError(
                    f"line {number:,} is not JSON: {error}", where=where, row=number, got=line[:60],
                    wanted="one object a line",
                    code="json.invalid",
                ) from error  # fmt: skip
        return documents


def _lists(document: Any) -> list[tuple[str, list[Any]]]:
    if isinstance(document, list):
        return [("", document)]
    if not isinstance(document, dict):
        return [("", [document])]
    found = [(k, v) for k, v in document.items() if isinstance(v, list) and (not v or isinstance(v[0], dict))]
    if found and not any(key in document for key in _RECORD_KEYS):
        return found
    return [("", [document])]


def _inner_lists(document: Any) -> list[tuple[str, list[Any]]]:
    """Return the lists of the only object of a file, also where they stand one or two objects deeper.

    So answer interfaces that put the records beside links and pages: ``{"_embedded": {"conversations": [...]}}``.
    """
    found = _lists(document)
    if found != [("", [document])] or not isinstance(document, dict) or any(k in document for k in _RECORD_KEYS):
        return found
    inside = [v for v in document.values() if isinstance(v, dict)]
    inside += [w for v in inside for w in v.values() if isinstance(w, dict)]
    deeper = [pair for v in inside for pair in _lists(v) if pair[1] != [v]]
    return deeper or found


def _flatten(value: Mapping[str, Any], head: str, row: dict[str, str | None]) -> None:
    for key, item in value.items():
        name = f"{head}{key}"
        if isinstance(item, dict):
            _flatten(item, f"{name}.", row)
        elif isinstance(item, bool):
            row[name] = "true" if item else "false"
        elif isinstance(item, list):
            row[name] = json.dumps(item, ensure_ascii=False)
        elif item is None:
            row[name] = None
        elif isinstance(item, float) and item.is_integer() and abs(item) < 2**53:
            row[name] = str(int(item))
        else:
            row[name] = str(item).strip()
