"""KPI alerts and what people said of them, as rows: the ledger, the alert of each detection, and mutes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from .schema import ALERT_DETECTIONS, ALERTS, MARKS, MUTES

#: Until when alerts are remembered, on the desk's own clock.
_AS_OF = "alerts as of"
_OWN_COLUMNS = tuple(c.name for c in ALERTS.columns if c.name not in ("place", "body"))


def read_alerts(connection: Connection) -> dict[str, Any] | None:
    """Return ``as_of``, ``alerts`` (records of the ledger), ``silences`` and ``detections``; ``None`` before the first.

    All values are as JSON holds them: instants are texts.
    """
    as_of = connection.execute(select(MARKS.c.value).where(MARKS.c.name == _AS_OF)).scalar()
    if as_of is None:
        return None
    rows = connection.execute(select(ALERTS).order_by(ALERTS.c.place)).mappings()
    return {
        "as_of": as_of,
        "alerts": [json.loads(row["body"]) | {name: row[name] for name in _OWN_COLUMNS} for row in rows],
        "silences": [dict(row) for row in connection.execute(select(MUTES).order_by(MUTES.c.what)).mappings()],
        "detections": {row.detection: row.alert_id for row in connection.execute(select(ALERT_DETECTIONS))},
    }


def write_alerts(connection: Connection, content: Mapping[str, Any]) -> bool:
    """Write what :func:`read_alerts` returns in place of what was there; False where it is the same."""
    before = read_alerts(connection)
    if before is not None and _plain(before) == _plain(content):
        return False
    for table in (ALERTS, MUTES, ALERT_DETECTIONS):
        connection.execute(table.delete())
    connection.execute(MARKS.delete().where(MARKS.c.name == _AS_OF))
    connection.execute(MARKS.insert().values(name=_AS_OF, value=content["as_of"]))
    rows = [_row(place, dict(record)) for place, record in enumerate(content["alerts"])]
    mutes = [{"what": one["what"], "until": one["until"]} for one in content["silences"]]
    found = [{"detection": key, "alert_id": alert} for key, alert in content["detections"].items()]
    for table, values in ((ALERTS, rows), (MUTES, mutes), (ALERT_DETECTIONS, found)):
        if values:
            connection.execute(table.insert(), values)
    return True


def _row(place: int, record: dict[str, Any]) -> dict[str, Any]:
    own = {name: record.pop(name, None) for name in _OWN_COLUMNS}
    return {**own, "place": place, "body": json.dumps(record, ensure_ascii=False, allow_nan=False)}


def _plain(content: Mapping[str, Any]) -> str:
    """Return the content as one text, whatever the order of its keys and mutes."""
    mutes = sorted(content["silences"], key=lambda one: str(one["what"]))
    return json.dumps({**content, "silences": mutes}, sort_keys=True, ensure_ascii=False)
