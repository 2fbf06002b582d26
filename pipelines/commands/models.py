"""The command ``models``: versions, cards and decisions, and what a person decides himself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import DEFAULT_CONFIG, ConfigOption, JsonOption, OutOption, find_user

if TYPE_CHECKING:
    from ..project.specs import Config
    from ..registry.decisions import Decision


def models(
    config: ConfigOption = DEFAULT_CONFIG,
    out: OutOption = None,
    as_json: JsonOption = False,
    model: Annotated[
        str | None, typer.Option(help="Model, such as breach-resolution. Default: the breach model; all in the list.")
    ] = None,
    promote: Annotated[str | None, typer.Option(metavar="VERSION", help="Put this version into use.")] = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="Put the former version into use again.")] = False,
    shadow: Annotated[
        int | None, typer.Option(metavar="DAYS", min=1, help="Run the newest version beside the one in use.")
    ] = None,
    card: Annotated[str | None, typer.Option(metavar="VERSION", help="Print the card of a version.")] = None,
) -> None:
    """List versions of the models and decisions; promote, roll back or shadow a version."""
    from ..project.config import load_config
    from ..registry.decisions import read_decisions
    from ..state.database import read_state
    from .terminal import print_line

    spec = load_config(config)
    options = {"--promote": promote, "--rollback": rollback or None, "--shadow": shadow, "--card": card}
    asked = [name for name, value in options.items() if value is not None]
    if len(asked) > 1:
        raise typer.BadParameter(f"{' and '.join(asked)} exclude each other: give one", param_hint=asked[1])
    with read_state(spec.state_place) as state:
        decisions = read_decisions(state, spec.experiment)
    if card is not None:
        print_line(_read_card(spec, decisions, _choose(spec, decisions, model), card))
        return
    if asked:
        said = _change(spec, _choose(spec, decisions, model), promote, shadow)
        print_line(json.dumps({"decided": said}) if as_json else said)
        return
    if model is not None:
        name = _choose(spec, decisions, model)
        decisions = [one for one in decisions if one.model == name]
    _list(decisions, out, as_json)


def _choose(spec: Config, decisions: list[Decision], kind: str | None) -> str:
    """Return the registered name of the model that is meant."""
    from ...features.errors import InputError, did_you_mean
    from ..registry.register import model_name

    start = model_name(spec.experiment, "")
    names = list(dict.fromkeys(one.model for one in decisions))
    kinds = [name.removeprefix(start) for name in names]
    if kind is None:
        breach = [name for name, one in zip(names, kinds, strict=True) if one.startswith("breach")]
        if breach:
            return breach[-1]
        raise InputError("no model is registered yet", hint="deskcast train makes the first", code="model.unknown")
    if kind in names or (kind not in kinds and not kinds):
        return kind if kind in names else model_name(spec.experiment, kind)
    if kind not in kinds:
        raise InputError(
            "unknown model", where="--model", got=kind, hint=did_you_mean(kind, kinds), code="model.unknown"
        )
    return model_name(spec.experiment, kind)


def _change(spec: Config, name: str, version: str | None, days: int | None) -> str:
    """Write down what somebody decided, and let the registry know."""
    import pandas as pd

    from ..registry.champions import publish_decisions
    from ..registry.decisions import read_decisions
    from ..registry.promote import promote_version, roll_back, shadow_newest
    from ..state.database import change_state
    from ..state.issue import find_last_issued_at

    by = find_user()
    with change_state(spec.state_place) as state:
        before = read_decisions(state, spec.experiment)
        if version is not None:
            said = promote_version(state, spec, before, name, version, by)
        elif days is not None:
            begin = find_last_issued_at(state) or pd.Timestamp.now("UTC")  # of the data, where a clock may differ
            until = begin.floor("D") + pd.Timedelta(days=days + 1)
            said = shadow_newest(state, spec, before, name, until, by)
        else:
            said = roll_back(state, spec, before, name, by)
        after = read_decisions(state, spec.experiment)
    publish_decisions(spec, after)
    return said


def _list(decisions: list[Decision], out: Path | None, as_json: bool) -> None:
    import pandas as pd

    from ..registry.decisions import find_in_use
    from ..store.table_files import check_table_path, write_table
    from .terminal import print_line

    in_use = find_in_use(decisions)
    rows: list[dict[str, Any]] = [
        {
            "model": one.model,
            "version": one.version,
            "in_use": in_use.get(one.model) is one,
            "decision": one.decision,
            "reason": one.reason,
            "trained_until": one.body.get("as_of", ""),
            "decided_at": "" if one.at is None else one.at.isoformat(),
            "by": one.by,
            **one.body.get("figures", {}),
        }
        for one in decisions
    ]
    if out is not None:
        check_table_path(out)
        write_table(pd.DataFrame(rows), out)
    if as_json:
        print_line(json.dumps({"models": rows}, ensure_ascii=False, indent=2))
        return
    if not rows:
        print_line("No model is registered yet, each run trains anew: 'deskcast train' registers the first.")
    for name in dict.fromkeys(row["model"] for row in rows):
        print_line(str(name))
        for row in (r for r in rows if r["model"] == name):
            mark = "in use" if row["in_use"] else row["decision"]
            data = str(row["trained_until"])[:10]
            print_line(f"  version {row['version']} ({mark}), data until {data}: {row['reason']}")


def _read_card(spec: Config, decisions: list[Decision], name: str, version: str) -> str:
    from ...features.errors import InputError
    from ..registry.champions import checked_files
    from ..registry.register import CARD_FILE, DATA_FOLDER

    known = [one for one in decisions if one.model == name and one.version == version]
    if not known:
        wanted = ", ".join(dict.fromkeys(one.version for one in decisions if one.model == name))
        raise InputError("unknown version", where="--card", got=version, wanted=wanted, code="model.unknown")
    with checked_files(spec, known[-1].registered) as files:
        return (files / "data" / DATA_FOLDER / CARD_FILE).read_text(encoding="utf-8")
