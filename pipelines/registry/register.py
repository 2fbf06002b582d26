"""Log models in MLflow and register them: with signature, example, pinned requirements, card and fingerprint."""

from __future__ import annotations

import importlib.metadata
import json
import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ... import __version__
from ...features.errors import InputError
from ..project.specs import Config
from ..store.locks import locked
from ..store.moved_store import follow_moved_folder
from ..store.sweeper import scratch_folder, temporary_files_in
from ..store.tracking import disable_telemetry, find_store_file, open_tracking, plain_errors, quiet_mlflow
from .digest import compute_digest
from .pyfuncs import MODEL_FILE
from .slim import find_ids

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

#: Kind of the model that holds settings of the forecast.
VOLUME = "volume"
#: Where MLflow finds the function that loads a model.
LOADER = "deskcast.pipelines.registry.pyfuncs"
CARD_FILE, PICTURE_FILE = "card.md", "calibration.svg"
#: Folder of these files; MLflow puts it into one of the name ``data``.
DATA_FOLDER = "model"
#: What a model needs to be read and run, besides deskcast itself.
REQUIREMENTS = ("numpy", "pandas", "scipy", "scikit-learn", "pyarrow")
#: MLflow cuts a longer description.
_MAX_DESCRIPTION = 4900


@dataclass(frozen=True)
class NewModel:
    """A model that is to be registered.

    Attributes
    ----------
    kind
        What it is of, such as ``breach-resolution``; the registered name begins with the experiment.
    model
        With a method ``predict``.
    signature, example
        Of its input and output; a made-up row.
    card
        Markdown: what it is, on what it rests, how good it was, and where it ends.
    tables, pictures
        File name -> further content of the card.
    metrics
        Figures of its run.
    ids
        Ids of cases, customers and agents, none of which may stand in it.
    """

    kind: str
    model: Any
    signature: ModelSignature
    example: pd.DataFrame
    card: str
    pictures: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RegisteredModel:
    """A version of a registered model, the SHA-256 of its files, and their folder beside a sqlite store."""

    name: str
    version: str
    sha256: str
    place: str = ""


def model_name(experiment: str, kind: str) -> str:
    """Return the name of a registered model; MLflow takes neither slash nor colon in it.

    >>> model_name("desk: one/two", "breach-resolution")
    'desk_ one_two-breach-resolution'
    """
    return f"{re.sub(r'[/:]', '_', experiment)}-{kind}"


def register_models(
    config: Config, run_id: str, models: Sequence[NewModel], *, fingerprint: str, as_of: pd.Timestamp
) -> list[RegisteredModel]:
    """Log models under a run and register a version of each.

    Parameters
    ----------
    config
        Names store and experiment.
    run_id
        The run of the stage that trained them.
    models
        What to register.
    fingerprint, as_of
        Of the data: the input of the run.

    Returns
    -------
    The versions, in the order of the models.

    Raises
    ------
    InputError
        If an id stands in a model (nothing is registered then), or the store cannot be written.
    """
    bodies = [_checked_bytes(one) for one in models]
    with tracking_client(config) as client, scratch_folder() as scratch:
        store = find_store_file(config.tracking_uri, config.folder)
        folder = None if store is None else store.parent
        _log_input(client, run_id, fingerprint, as_of)
        made = []
        for number, (one, body) in enumerate(zip(models, bodies, strict=True)):
            data = scratch / str(number) / DATA_FOLDER
            data.mkdir(parents=True)
            (data / MODEL_FILE).write_bytes(body)
            (data / CARD_FILE).write_text(one.card, encoding="utf-8")
            for name, text in one.pictures.items():
                (data / name).write_text(text, encoding="utf-8")
            made.append(_register(client, folder, config, run_id, one, data, as_of))
        return made


def _checked_bytes(one: NewModel) -> bytes:
    body = pickle.dumps(one.model)
    found = find_ids(body, one.ids)
    if found:
        raise InputError(
            f"{len(found)} ids of cases, customers or agents stand in the model '{one.kind}', so it is not registered",
            where="[tracking]",
            hint="leave the column out of the attributes under [source]: its values name people or cases",
            code="model.unfitted",
        )
    return body


@contextmanager
def tracking_client(config: Config) -> Iterator[Any]:
    """Hold the tracking store of a project for a change, and give MLflow's client of it.

    Raises
    ------
    InputError
        If the store cannot be opened or written.
    """
    disable_telemetry()
    place = find_store_file(config.tracking_uri, config.folder)
    with quiet_mlflow(), locked(place.parent) if place else nullcontext():
        if place is not None and place.exists():
            follow_moved_folder(place)
        with plain_errors(config.tracking_uri):
            yield open_tracking(config.tracking_uri, config.folder)


def set_alias(client: Any, model: RegisteredModel, alias: str) -> None:
    """Let MLflow know a version by an alias."""
    client.set_registered_model_alias(model.name, alias, model.version)


def _log_input(client: Any, run_id: str, fingerprint: str, as_of: pd.Timestamp) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"fingerprint": fingerprint, "as_of": as_of.isoformat()})
    data = Dataset("case log", (fingerprint or "none")[:36], "deskcast", source)
    tags = [InputTag("mlflow.data.context", "training"), InputTag("as_of", as_of.isoformat())]
    client.log_inputs(run_id, [DatasetInput(data, tags)])


def _register(
    client: Any, folder: Path | None, config: Config, run_id: str, one: NewModel, data: Path, as_of: pd.Timestamp
) -> RegisteredModel:
    name, tags = model_name(config.experiment, one.kind), {"deskcast.as_of": as_of.isoformat()}
    fluent, temporary = _fluent(client.tracking_uri), temporary_files_in(data.parent)
    with temporary, fluent as mlflow, mlflow.start_run(run_id=run_id):
        logged = mlflow.pyfunc.log_model(
            name=one.kind,
            loader_module=LOADER,
            data_path=str(data),
            signature=one.signature,
            input_example=one.example,
            pip_requirements=pin_requirements(),
            metadata={"deskcast.version": __version__, **tags},
            tags=tags,
        )
        for key, value in one.metrics.items():
            client.log_metric(run_id, f"{one.kind}.{key}", value, model_id=logged.model_id)
        if not client.search_registered_models(f"name = '{_quoted(name)}'"):
            client.create_registered_model(name, description="Made by deskcast; deskcast models lists the decisions.")
        version = client.create_model_version(
            name,
            f"models:/{logged.model_id}",
            run_id,
            tags=tags,
            description=_shorten(one.card),
            model_id=logged.model_id,
        )
    place = find_place(client, folder, logged.model_id)
    with nullcontext(folder / place) if folder and place else fetched(client, name, str(version.version)) as files:
        return RegisteredModel(name, str(version.version), compute_digest(files), place)


def _shorten(card: str) -> str:
    return card if len(card) <= _MAX_DESCRIPTION else f"{card[:_MAX_DESCRIPTION]}\n(continued in {CARD_FILE})"


def _quoted(name: str) -> str:
    return name.replace("'", "''")


def find_place(client: Any, folder: Path | None, model_id: str) -> str:
    """Return where the files of a model lie, as seen from a sqlite store; nothing where they lie elsewhere."""
    location = str(client.get_logged_model(model_id).artifact_location)
    root = None if folder is None else f"{folder.as_uri()}/"
    return location.removeprefix(root) if root and location.startswith(root) else ""


@contextmanager
def fetched(client: Any, name: str, version: str) -> Iterator[Path]:
    """Give a copy of the files of a model version; it is gone afterwards."""
    from mlflow.artifacts import download_artifacts

    with scratch_folder() as scratch:
        with _fluent(client.tracking_uri):
            place = download_artifacts(f"models:/{name}/{version}", dst_path=str(scratch))
        yield Path(place)


def pin_requirements() -> list[str]:
    """Return the packages of a model with the versions of today.

    >>> [line.partition("==")[0] for line in pin_requirements()][:3]
    ['deskcast', 'numpy', 'pandas']
    """
    return [f"deskcast=={__version__}", *(f"{name}=={importlib.metadata.version(name)}" for name in REQUIREMENTS)]


@contextmanager
def _fluent(uri: str) -> Iterator[Any]:
    """Let MLflow's module use a store, and forget it afterwards: what it calls itself asks for no other."""
    import mlflow
    import mlflow.pyfunc

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        yield mlflow
    finally:
        mlflow.set_tracking_uri(before)
