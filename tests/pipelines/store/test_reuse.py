"""What a night leaves for the next one: bounded, of one code, deletable, and compared once a week."""

import errno
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.reuse import find_store
from deskcast.pipelines.commands.exit_codes import EXIT_STAGE_FAILED, find_exit_code
from deskcast.pipelines.commands.run import RunOutcome
from deskcast.pipelines.store import reuse
from deskcast.pipelines.store.reuse import KEEP_NIGHTS, NightStore, describe_reuse, digest_code, reuse_last_night
from deskcast.pipelines.words.instants import Instants

FIRST = pd.Timestamp("2024-03-01T05:00Z")


@pytest.fixture
def open_store(tmp_path):
    """Return a function that opens the store of a night after the first."""
    return lambda night=0, code="one": NightStore(tmp_path / "reuse", FIRST + pd.Timedelta(days=night), code)


def names(store):
    return sorted(path.name for path in store.root.rglob("*") if path.is_file())


def test_what_was_left_comes_back_to_the_bit_and_goes_with_the_code(open_store):
    kept = {"a": np.array([0.0, -0.0, np.nan]), "b": np.array([[True], [False]]), "c": np.zeros((0, 3), np.int32)}
    store = open_store()
    store.write("x-1", kept)
    store.close()
    found = open_store(1).read("x-1")
    assert {name: (v.dtype, v.shape, v.tobytes()) for name, v in found.items()} == {
        name: (v.dtype, v.shape, v.tobytes()) for name, v in kept.items()
    }
    other = open_store(1, code="two")
    assert other.read("x-1") is None
    other.write("x-2", kept)
    other.close()
    assert names(other) == ["book.json", "x-2.npz"]


@pytest.mark.parametrize("cut", [0, 10, -30])
def test_a_broken_file_counts_as_none(open_store, cut):
    store = open_store()
    store.write("x-1", {"a": np.arange(50.0)})
    path = store.folder / "x-1.npz"
    path.write_bytes(path.read_bytes()[:cut] if cut < 30 else b"")
    assert store.read("x-1") is None
    (store.folder / "book.json").write_text("{")
    assert open_store().number == 1


def test_any_bit_that_flipped_is_found_or_harmless(open_store):
    store = open_store()
    store.write("x-1", {"a": np.arange(5.0), "b": np.arange(2)})
    path = store.folder / "x-1.npz"
    whole = path.read_bytes()
    found = []
    for place in range(0, 8 * len(whole), 11):
        broken = bytearray(whole)
        broken[place // 8] ^= 1 << place % 8
        path.write_bytes(broken)
        found.append(store.read("x-1"))
    read = [{name: array.tolist() for name, array in one.items()} for one in found if one is not None]
    assert all(one == {"a": [0, 1, 2, 3, 4], "b": [0, 1]} for one in read)
    assert len(read) < len(found) / 2


@pytest.mark.parametrize(
    "change", [{"compared": "2024-13-01"}, {"compared": "2024-03-01"}, {"used": []}, {"night": {}}]
)
def test_a_book_that_makes_no_sense_counts_as_none(open_store, change):
    store = open_store()
    store.write("x-1", {"a": np.arange(3)})
    store.close()
    book = store.folder / "book.json"
    book.write_text(json.dumps(json.loads(book.read_text()) | change))
    after = open_store(1)
    assert (after.number, after.compares, after.read("x-1")["a"].tolist()) == (1, False, [0, 1, 2])


def test_a_file_of_somebody_else_beside_the_versions_is_left_alone(open_store):
    store = open_store()
    store.write("x-1", {"a": np.arange(3)})
    (store.root / "README").write_text("mine")
    store.close()
    assert (store.lost, names(store)) == ("", ["README", "book.json", "x-1.npz"])


def test_nights_leave_nothing_that_nobody_needs(open_store):
    left = []
    for night in range(KEEP_NIGHTS + 3):
        store = open_store(night)
        for slot in ("x-1", *(("x-once",) if night == 0 else ())):
            store.read(slot)
            store.write(slot, {"a": np.arange(3)})
        (store.folder / ".x-killed.4711").write_bytes(b"half")
        store.close()
        left.append(names(store))
    assert left[0] == left[1] == ["book.json", "x-1.npz", "x-once.npz"]
    assert left[-1] == ["book.json", "x-1.npz"]


def test_what_is_larger_than_allowed_loses_the_least_used_first(open_store, monkeypatch):
    monkeypatch.setattr(reuse, "MAX_BYTES", 3500)
    for night, slot in enumerate(("x-1", "x-2", "x-3")):
        store = open_store(night)
        store.write(slot, {"a": np.zeros(100)})
        store.close()
    assert names(store) == ["book.json", "x-2.npz", "x-3.npz"]


def test_a_full_disk_costs_the_next_night_time_and_this_one_a_note(open_store, monkeypatch):
    store = open_store()

    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", refuse)
    store.write("x-1", {"a": np.arange(3)})
    store.write("x-2", {"a": np.arange(3)})
    store.close()
    assert describe_reuse(store) == ("", "nothing was left for the next night to reuse: No space left on device")
    assert names(store) == ["book.json"]


def test_once_a_week_everything_is_compared_also_after_a_night_that_was_left_out(open_store):
    compared = []
    for night in (0, 1, 6, 7, 8, 13, 16, 17, 2):
        store = open_store(night)
        store.write("x-1", {"a": np.arange(3)})
        compared.append(store.compares)
        store.close()
    assert compared == [False, False, False, True, False, False, True, False, True]


def test_a_difference_drops_all_and_fails_the_night_by_name(open_store):
    store = open_store()
    store.write("evidence-1", {"a": np.arange(3)})
    store.report_difference("evidence-1")
    store.close()
    assert not store.root.exists()
    failed, note = describe_reuse(store)
    assert failed.startswith("what was reused from earlier nights differs from what is computed now: evidence;")
    at = Instants(FIRST, FIRST, FIRST)
    outcome = RunOutcome((), store.root, store.root, at, not_reusable=failed, not_left=note)
    assert outcome.failures == [("reuse", failed)]
    assert find_exit_code(outcome) == EXIT_STAGE_FAILED


def test_a_look_back_reuses_nothing_and_leaves_nothing(tmp_path):
    place = SimpleNamespace(folder=tmp_path / "results-state")
    project = SimpleNamespace(is_look_back=True, config=SimpleNamespace(state_place=place), as_of=FIRST)
    with reuse_last_night(project) as store:
        assert store is None
        assert find_store() is None
    project.is_look_back = False
    with reuse_last_night(project) as store:
        assert find_store() is store
        store.write("x-1", {"a": np.arange(3)})
    assert find_store() is None
    assert names(store) == ["book.json", "x-1.npz"]


def test_the_code_is_the_package_and_what_computes(monkeypatch, tmp_path):
    before = digest_code()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "new.py").write_text("one = 1\n")
    monkeypatch.setattr(reuse, "_PACKAGE", tmp_path)
    digest_code.cache_clear()
    other = digest_code()
    (tmp_path / "models" / "new.py").write_text("one = 2\n")
    digest_code.cache_clear()
    changed = digest_code()
    monkeypatch.setattr(np, "show_config", lambda mode: {"SIMD Extensions": {"found": ["NONE"]}})
    digest_code.cache_clear()
    assert len({before, other, changed, digest_code()}) == 4
    digest_code.cache_clear()
