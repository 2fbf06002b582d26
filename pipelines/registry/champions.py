"""The model in use: found by the decisions, checked by its checksum, and only then loaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from ...features.errors import InputError
from ..project.specs import Config
from ..state.database import open_unchanged, read_state
from ..state.diagnosis import Check
from ..store.sweeper import scratch_folder
from ..store.tracking import find_store_file
from .decisions import Decision, find_earlier, find_in_use, mark_targets, read_decisions
from .digest import compute_digest
from .pyfuncs import _load_pyfunc
from .register import DATA_FOLDER, RegisteredModel, fetched, set_alias, tracking_client

#: Names under which MLflow knows the version in use, and the newest one that is not.
CHAMPION, CHALLENGER = "champion", "challenger"


def find_champions(config: Config, until: pd.Timestamp | None = None) -> dict[str, Decision]:
    """Return by registered name which version of each model of the experiment is in use.

    Nothing of MLflow is imported: where no model was ever promoted, whoever asks has lost no time.

    Parameters
    ----------
    config
        A version that was trained for other SLA targets than these is not in use.
    until
        Only what could be decided by then counts, for whoever looks back.
    """
    return find_in_use(_read_valid(config, until))


def find_formers(config: Config, until: pd.Timestamp | None = None) -> dict[str, list[Decision]]:
    """Return by registered name which versions were in use once and are not now, the latest first."""
    decisions = _read_valid(config, until)
    return {name: find_earlier(decisions, name) for name in {one.model for one in decisions}}


def _read_valid(config: Config, until: pd.Timestamp | None) -> list[Decision]:
    targets = mark_targets(config)
    with read_state(config.state_place) as state:
        every = read_decisions(state, config.experiment)
    mine = [one for one in every if one.body.get("sla", targets) == targets]
    return [one for one in mine if until is None or one.known_from <= until]


def load_model(config: Config, model: RegisteredModel) -> Any:
    """Load a version of a registered model, if it is byte for byte the one whose checksum is given.

    Raises
    ------
    InputError
        If its files are gone or were altered.
    """
    with checked_files(config, model) as files:
        return _load_pyfunc(str(files / "data" / DATA_FOLDER))


def check_model(config: Config, model: RegisteredModel) -> None:
    """Refuse a version whose files are gone or were altered, as :func:`load_model` does, and load nothing."""
    with checked_files(config, model):
        pass


@contextmanager
def checked_files(config: Config, model: RegisteredModel) -> Iterator[Path]:
    """Give a copy of a version's files that is byte for byte what its checksum says."""
    with _copied(config, model) as files:
        if compute_digest(files) != model.sha256:
            raise _not_the_promoted_one(model, "was altered since it was promoted")
        yield files


@contextmanager
def _copied(config: Config, model: RegisteredModel) -> Iterator[Path]:
    """Give a copy of a version's files: what is checked and what is loaded are the same bytes."""
    store = find_store_file(config.tracking_uri, config.folder)
    if store is None or not model.place:
        with tracking_client(config) as client, _fetched(client, model) as files:
            yield files
        return
    folder = store.parent / model.place
    if not folder.is_dir():
        raise _not_the_promoted_one(model, "is no longer in the tracking store")
    with scratch_folder() as scratch:
        yield Path(shutil.copytree(folder, scratch / "model"))


@contextmanager
def _fetched(client: Any, model: RegisteredModel) -> Iterator[Path]:
    """Give a copy of the files of a version as MLflow keeps them, or say that it has it no more."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_model_version(model.name, model.version)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise _not_the_promoted_one(model, "is no longer in the tracking store") from None
    with fetched(client, model.name, model.version) as files:
        yield files


def _not_the_promoted_one(model: RegisteredModel, problem: str) -> InputError:
    return InputError(
        f"version {model.version} of the model {problem}",
        where=model.name,
        hint="'deskcast train' makes new ones; 'deskcast models --promote VERSION' takes another version",
        code="model.altered",
    )


def examine_models(config: Config) -> list[Check]:
    """Look whether the files of each model in use are those that were promoted; nothing is loaded or changed.

    For a state that is whole.

    Files in a store that is not a SQLite file beside the project are looked at when they are used.
    """
    with open_unchanged(config.state_place) as state:
        in_use = find_in_use(read_decisions(state, config.experiment))
    placed = [one for one in in_use.values() if one.registered.place]
    found = []
    for one in placed:
        try:
            check_model(config, one.registered)
        except InputError as error:
            found.append(Check("models", "broken", f"{one.model}: {error.problem}.", f"{error.hint}."))
    if placed and not found:
        found.append(Check("models", "whole", "the models in use are those that were promoted."))
    return found


def publish_decisions(config: Config, decisions: Sequence[Decision]) -> None:
    """Let MLflow know each version in use as ``champion``, and the newest other one as ``challenger``.

    The decisions say which version is in use; the names in the registry are for whoever asks MLflow. A name that
    somebody moved, or that a killed process left behind, is set again.
    """
    in_use = find_in_use(decisions)
    newest = {one.model: one for one in sorted(decisions, key=lambda one: int(one.version))}
    with tracking_client(config) as client:
        for name, one in in_use.items():
            set_alias(client, one.registered, CHAMPION)
            if newest[name].version != one.version and int(newest[name].version) > int(one.version):
                set_alias(client, newest[name].registered, CHALLENGER)
