"""Small results that are written for a test, and a wait for what another process does."""

from __future__ import annotations

import time

import pandas as pd
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.results import replace_folder, write_stages


def one(run=0, **tables):
    return [Stage("history", tables or {"t": pd.DataFrame({"run": [run]})}, (f"run {run}",))]


def write(folder, run=0, **tables):
    with replace_folder(folder) as staging:
        write_stages(one(run, **tables), staging, version="0.1.0", fingerprint="abc")


def becomes(condition, seconds=8.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
