"""Files of telephone switches that have no header line, known by what stands in their first lines."""

from __future__ import annotations

import csv
import io
import re

import pandas as pd

#: Fields of Asterisk's queue_log, divided by bars.
QUEUE_LOG_COLUMNS = ("time", "callid", "queuename", "agent", "event", "data1", "data2", "data3", "data4", "data5")
#: Fields of Asterisk's Master.csv, in their order.
MASTER_CSV_COLUMNS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "calldate",
    "answer", "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield",
)  # fmt: skip
_QUEUE_LINE = re.compile(r"\d{9,10}(\.\d+)?\|[^|]*\|[^|]*\|[^|]*\|[A-Z]+(\||$)")
_DISPOSITIONS = {"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION"}


def read_headerless(text: str) -> tuple[pd.DataFrame, str] | None:
    """Return the table and what it is, where a text is a known file without a header; else ``None``.

    >>> line = "1709283600|1709283600.1|support|NONE|ENTERQUEUE||5551234|1\\n"
    >>> frame, name = read_headerless(line)
    >>> name, frame.loc[0, ["queuename", "event", "data2"]].tolist()
    ('queue_log of Asterisk', ['support', 'ENTERQUEUE', '5551234'])
    """
    head = [line for line in text[:20_000].splitlines()[:20] if line.strip()]
    if head and sum(bool(_QUEUE_LINE.match(line)) for line in head) >= 0.8 * len(head):
        rows = [line.split("|") for line in text.splitlines() if line.strip()]
        width = len(QUEUE_LOG_COLUMNS)
        cells = [[c.strip() for c in (r + [""] * width)[:width]] for r in rows]
        return pd.DataFrame(cells, columns=list(QUEUE_LOG_COLUMNS), dtype="str"), "queue_log of Asterisk"
    first = next(csv.reader(io.StringIO("\n".join(head[:1]))), [])
    if len(first) in (16, 17, 18) and first[14].strip() in _DISPOSITIONS:
        records = [r for r in csv.reader(io.StringIO(text)) if len(r) == len(first)]
        names = list(MASTER_CSV_COLUMNS[: len(first)])
        frame = pd.DataFrame([[c.strip() for c in r] for r in records], columns=names, dtype="str")
        return frame, "Master.csv of Asterisk"
    return None
