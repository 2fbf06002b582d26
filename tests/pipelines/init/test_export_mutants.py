"""150 mutants of five kinds of export at two doors: refused in one line, or read with every row counted."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest

PLACE = Path(__file__).parents[3] / "benchmarks" / "export_mutants.py"
_SPEC = importlib.util.spec_from_file_location("export_mutants", PLACE)
mutants = importlib.util.module_from_spec(_SPEC)
sys.modules["export_mutants"] = mutants  # dataclasses look there
_SPEC.loader.exec_module(mutants)

MUTANTS = 150


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    return mutants.try_mutants(range(MUTANTS), tmp_path_factory.mktemp("mutants"))


@pytest.mark.slow
def test_no_mutant_ends_in_a_traceback_a_lost_row_or_another_kind_of_table(tried):
    assert tried[1] == []


@pytest.mark.slow
def test_mutants_are_read_as_well_as_refused_and_every_kind_of_mutation_is_tried(tried):
    ends = tried[0]
    assert sum(ends.values()) == 2 * MUTANTS
    for make in mutants.EXPORTS:
        kind = make(mutants.np.random.default_rng(0)).kind
        for door in ("init", "configured"):
            assert ends[kind, door, "read"] >= 5, (kind, door)
            assert ends[kind, door, "refused"] >= 1, (kind, door)
    done = Counter(name.partition(" in ")[0] for seed in range(MUTANTS) for name in mutants.mutant(seed).done)
    assert set(done) == set(mutants.MUTATIONS)


def test_the_judge_sees_a_lost_row_and_a_changed_kind(tmp_path):
    """A test of the test: what the mutants must not do is told where it is done."""
    export = mutants.EXPORTS[0](mutants.np.random.default_rng(0))
    mutants.written(export, tmp_path)
    text = mutants.format_config([tmp_path / "cases.csv"], tmp_path)
    (spec, part), *_ = mutants.loaded(text, tmp_path)
    assert mutants.judge(export, [(spec, part)]) == ""
    less = part.tables | {"cases": part.tables["cases"].iloc[1:]}
    assert "59 used" in mutants.judge(export, [(spec, mutants.replace(part, tables=less))])
    other = mutants.replace(part, tables={"volumes": part.tables["cases"]})
    assert "changed to volumes" in mutants.judge(export, [(mutants.replace(spec, table="volumes"), other)])

    def fall():
        raise KeyError("column")

    assert mutants.attempt(fall, export)[0] == "crashed"
