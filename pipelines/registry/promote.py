"""Decisions that a person makes: another version into use, back to the former one, one beside the one in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from ...features.errors import InputError
from ..project.specs import Config
from ..store.tracking import find_store_file
from .champions import check_model
from .decisions import (
    IN_USE,
    PROMOTED,
    ROLLED_BACK,
    SHADOWED,
    Decision,
    decide,
    find_former,
    find_in_use,
    mark_forecast,
)
from .digest import compute_digest
from .register import VOLUME, RegisteredModel, fetched, find_place, model_name, tracking_client


def promote_version(
    state: Connection, config: Config, decisions: Sequence[Decision], name: str, version: str, by: str
) -> str:
    """Put a version of a model into use, and return what was decided.

    Parameters
    ----------
    state
        From :func:`~deskcast.pipelines.state.database.change_state`.
    config
        The configuration.
    decisions
        Those so far.
    name, version
        Registered name and version.
    by
        Who decides.

    Raises
    ------
    InputError
        If it is in use already, the registry has no such version, or its files were altered since it was registered.
    """
    current = find_in_use(decisions).get(name)
    if current is not None and current.version == version:
        raise InputError("this version is in use already", where="--promote", got=version, code="value.range")
    known = [one for one in decisions if one.model == name and one.version == version]
    rest: dict[str, Any] = _rest(known[-1]) if known else {}
    if known:
        model, as_of, how = known[-1].registered, known[-1].as_of, "Promoted by hand."
        check_model(config, model)
    else:
        model, as_of = _read_from_registry(config, name, version)
        how = "Promoted by hand; its checksum was taken from the registry then."
    decide(state, model, PROMOTED, how, by=by, as_of=as_of, **(rest | _asked_forecast(config, name)))
    return f"{name}: version {version} is in use."


def roll_back(state: Connection, config: Config, decisions: Sequence[Decision], name: str, by: str) -> str:
    """Put the version into use that was in use before, and return what was decided.

    Raises
    ------
    InputError
        If no other version was in use before, or its files were altered.
    """
    former = find_former(decisions, name)
    if former is None:
        raise InputError("no other version was in use before", where="--rollback", got=name, code="value.range")
    check_model(config, former.registered)
    rest = _rest(former) | _asked_forecast(config, name)
    decide(state, former.registered, ROLLED_BACK, "Rolled back by hand.", by=by, as_of=former.as_of, **rest)
    return f"{name}: version {former.version} is in use again."


def shadow_newest(
    state: Connection, config: Config, decisions: Sequence[Decision], name: str, until: pd.Timestamp, by: str
) -> str:
    """Let the newest version that is not in use run beside the one that is, and return what was decided.

    Raises
    ------
    InputError
        If there is no newer version than the one in use.
    """
    current = find_in_use(decisions).get(name)
    newer = [
        one for one in decisions if one.model == name and (current is None or int(one.version) > int(current.version))
    ]
    if not newer:
        hint = "deskcast train makes one"
        raise InputError(
            "no version is newer than the one in use", where="--shadow", got=name, hint=hint, code="value.range"
        )
    one = max(newer, key=lambda each: int(each.version))
    check_model(config, one.registered)
    reason = f"It runs beside the model in use until {until:%Y-%m-%d}."
    rest = _rest(one) | _asked_forecast(config, name) | {"until": until.isoformat()}
    decide(state, one.registered, SHADOWED, reason, by=by, as_of=one.as_of, **rest)
    return f"{name}: version {one.version} runs beside the one in use until {until:%Y-%m-%d}."


def find_shadow(decisions: Sequence[Decision], name: str, as_of: pd.Timestamp) -> Decision | None:
    """Return the version that runs beside the one in use at an instant; ``None`` where none does.

    A later decision on the model ends it.

    >>> body = {"until": "2024-04-01T00:00+00:00", "as_of": "2024-03-01T00:00+00:00"}
    >>> made = [Decision("m", "2", "shadowed", "", body)]
    >>> find_shadow(made, "m", pd.Timestamp("2024-03-20T00:00Z")).version
    '2'
    >>> find_shadow(made, "m", pd.Timestamp("2024-04-02T00:00Z")) is None
    True
    """
    mine = [one for one in decisions if one.model == name and one.decision in (SHADOWED, *IN_USE)]
    if not mine or mine[-1].decision != SHADOWED or as_of > pd.Timestamp(mine[-1].body["until"]):
        return None
    return mine[-1]


def _rest(decision: Decision) -> dict[str, Any]:
    """Return what a decision said of the training of a version, for the next decision on it."""
    return {name: decision.body[name] for name in ("data_until", "sla", "settings") if name in decision.body}


def _asked_forecast(config: Config, name: str) -> dict[str, str]:
    """Mark a volume version that somebody chooses as one for today's ``[forecast]``: its settings are used for that."""
    return {"forecast": mark_forecast(config)} if name == model_name(config.experiment, VOLUME) else {}


def _read_from_registry(config: Config, name: str, version: str) -> tuple[RegisteredModel, pd.Timestamp]:
    """Take a version that no decision knows, such as after the state was lost."""
    with tracking_client(config) as client:
        found = {str(v.version): v for v in client.search_model_versions(f"name = '{name}'")}
        if version not in found:
            wanted = ", ".join(sorted(found, key=int)) or "a version that 'deskcast train' made"
            raise InputError(
                "no such version of the model", where=name, got=version, wanted=wanted, code="model.unknown"
            )
        as_of = pd.Timestamp(found[version].tags.get("deskcast.as_of", "NaT"))
        if pd.isna(as_of):
            raise InputError("this version was not made by deskcast", where=name, got=version, code="model.unknown")
        store = find_store_file(config.tracking_uri, config.folder)
        logged = str(found[version].source)  # a version that was made by other means may name a folder
        is_logged = logged.startswith("models:/m-")
        place = find_place(client, store and store.parent, logged.removeprefix("models:/")) if is_logged else ""
        with fetched(client, name, version) as files:
            return RegisteredModel(name, version, compute_digest(files), place), as_of
