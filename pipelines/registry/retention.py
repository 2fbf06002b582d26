"""What ``[tracking] keep`` removes: old runs and versions of models that nobody uses or could go back to."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd

from ..project.specs import Config
from ..store.moved_store import ARTIFACTS_FOLDER
from ..store.tracking import find_store_file
from .decisions import Decision, find_former, find_in_use
from .register import model_name, tracking_client

_PAGE = 1000


def find_kept_versions(decisions: Sequence[Decision]) -> set[tuple[str, str]]:
    """Return the versions that stay whatever their age: in use, in use before, and the newest.

    >>> made = [Decision("m", v, "promoted", "") for v in ("1", "2", "3")] + [Decision("m", "4", "kept", "")]
    >>> sorted(find_kept_versions(made))
    [('m', '2'), ('m', '3'), ('m', '4')]
    """
    kept = {(name, one.version) for name, one in find_in_use(decisions).items()}
    for name in {one.model for one in decisions}:
        former = find_former(decisions, name)
        kept |= {(name, former.version)} if former is not None else set()
        kept |= {(name, max((one.version for one in decisions if one.model == name), key=int))}
    return kept


def drop_expired_models(config: Config, decisions: Sequence[Decision], now: pd.Timestamp) -> tuple[int, int]:
    """Remove versions and runs that ended longer ago than ``[tracking] keep``; nothing where it is not set.

    MLflow marks runs as deleted and ``mlflow gc`` takes them out of its database; their files beside a sqlite store are
    removed at once.

    Parameters
    ----------
    config
        The configuration.
    decisions
        All so far; the decisions themselves stay.
    now
        From when the age counts.

    Returns
    -------
    How many versions and how many runs were removed.
    """
    if config.tracking_keep_s is None:
        return 0, 0
    before = int((now - pd.Timedelta(seconds=config.tracking_keep_s)).timestamp() * 1000)
    kept = find_kept_versions(decisions)
    with tracking_client(config) as client:
        versions, used_runs = 0, set()
        for one in client.search_model_versions(f"name LIKE '{_quoted(model_name(config.experiment, ''))}%'"):
            if (one.name, str(one.version)) in kept or one.creation_timestamp >= before:
                used_runs.add(one.run_id)
                continue
            client.delete_model_version(one.name, str(one.version))
            _drop_logged_model(client, config, str(one.source))
            versions += 1
        return versions, _drop_runs(client, config, before, used_runs)


def _drop_logged_model(client: Any, config: Config, source: str) -> None:
    if source.startswith("models:/m-"):
        logged = client.get_logged_model(source.removeprefix("models:/"))
        client.delete_logged_model(logged.model_id)
        _drop_files(config, str(logged.artifact_location))


def _drop_runs(client: Any, config: Config, before: int, used: set[str]) -> int:
    experiment = client.get_experiment_by_name(config.experiment)
    if experiment is None:
        return 0
    wanted = f"attributes.end_time < {before} and tags.`deskcast.writer` != ''"
    old = [r.info for r in client.search_runs([experiment.experiment_id], wanted, max_results=_PAGE)]
    parents = {client.get_run(run).data.tags.get("mlflow.parentRunId", run) for run in used}
    gone = [info for info in old if info.run_id not in used | parents]
    for info in gone:
        client.delete_run(info.run_id)
        _drop_files(config, str(info.artifact_uri))
    return len(gone)


def _drop_files(config: Config, address: str) -> None:
    """Remove the folder of a run or model, if it lies beside the store: what lies elsewhere has its own rules."""
    store, parts = find_store_file(config.tracking_uri, config.folder), urlsplit(address)
    if store is None or parts.scheme not in ("", "file"):
        return
    place = Path(unquote(parts.path))
    place = place.parent if place.name == "artifacts" else place
    if (store.parent / ARTIFACTS_FOLDER).resolve() in place.resolve().parents:
        shutil.rmtree(place, ignore_errors=True)


def _quoted(name: str) -> str:
    return name.replace("'", "''")
