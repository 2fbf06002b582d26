"""Every page in a real browser: nothing from elsewhere, no error, accessible, and nothing wider than the screen."""

import pytest

#: Pages that are looked at; add yours.
PATHS = ["/", "/tables", "/tables/risk"]
VIEWS = [(1400, False), (1400, True), (390, False), (390, True)]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), VIEWS)
@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_accessible_and_fits_the_screen(look, axe, path, width, dark):
    tab = look(path, width, dark)
    assert axe(tab) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.problems == []
