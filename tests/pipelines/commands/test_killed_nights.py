"""A night that is killed at an operation: results whole, the alarm sent once or noted, no file left."""

import shutil

import pytest
from killed_nights import check_kill, hook, play_night, write_desk


@pytest.mark.slow
@pytest.mark.parametrize(("full", "step"), [(False, 23), (True, 5)])
def test_killed_or_with_a_full_disk_at_operations_from_the_first_to_the_last(tmp_path, full, step):
    with hook(tmp_path) as (url, posts):
        base = tmp_path / "base"
        base.mkdir()
        write_desk(base, url, 40)
        assert play_night(base) == 0
        write_desk(base, url, 64)
        operation, killed = 1, 0
        while True:
            folder = tmp_path / f"desk{operation}"
            shutil.copytree(base, folder)
            if not check_kill(folder, operation, posts, full=full):
                break
            operation, killed = operation + step, killed + 1
        assert killed >= 3
        assert posts() >= 2


@pytest.mark.slow
def test_ten_nights_leave_no_file_behind(tmp_path):
    with hook(tmp_path) as (url, posts):
        desk = tmp_path / "desk"
        desk.mkdir()
        left = []
        for night in range(10):
            write_desk(desk, url, 40 + 24 * night)
            assert play_night(desk) == 0
            left.append(sorted(p.relative_to(desk).as_posix() for p in desk.rglob("*")))
        assert left[0] == left[-1]
        assert posts() == 10
