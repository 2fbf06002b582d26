"""Names that are imported when they are first used."""

import pytest


@pytest.mark.parametrize("room", ["features", "forecasting", "models"])
def test_all_names_of_a_room_can_be_imported_at_once(room):
    found: dict[str, object] = {}
    exec(f"import deskcast.{room} as room\nnames = dir(room)\nfrom deskcast.{room} import *", found)
    assert found["names"]
    assert set(found["names"]) <= set(found)
