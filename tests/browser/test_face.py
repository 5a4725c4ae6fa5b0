"""The components in a real browser, on the gallery page: strict CSP, narrow screens, large print, the small scripts."""

import pytest

from tests.browser.world import World

pytestmark = [pytest.mark.slow, pytest.mark.browser]

GALLERY = "/staff/styleguide/"


@pytest.fixture
def gallery(world: World) -> str:
    """The gallery's address."""
    return world.url + GALLERY


def test_every_width_and_size_fits_and_the_console_is_silent(page, gallery):
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    for size in ("normal", "large"):
        page.context.add_cookies([{"name": "size", "value": size, "url": gallery}])
        for width in (360, 390, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            page.goto(gallery)
            page.wait_for_selector("#map canvas")
            assert page.evaluate("document.documentElement.dataset.size") == size
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{width} px, {size}"
    assert heard == []


def test_the_small_scripts_do_what_they_say(page, gallery):
    page.route("**/guangdong.json", lambda route: route.abort())
    page.goto(gallery)

    # A picture gives way to its table; a base map that does not arrive leaves the table standing.
    page.wait_for_selector("#trend canvas")
    page.click("[data-chart-toggle=trend]")
    assert page.is_visible("#trend-table")
    assert page.is_hidden("#trend")
    page.wait_for_selector("#map", state="hidden")
    assert page.is_visible("#map-table")

    page.focus("[data-dialog=withdraw]")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog#withdraw[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog#withdraw:not([open])", state="attached")

    # Large print comes without a new page, and the server remembers it.
    before = page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
    page.evaluate("window.stayed = true")
    assert page.is_hidden("#side-body"), "on a phone the side navigation is folded"
    page.click("[data-toggle=side]")
    page.click("[data-size-switch] button")
    page.wait_for_selector("html[data-size=large]")
    assert page.evaluate("window.stayed") is True
    page.reload()
    assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") == before * 1.25

    page.goto(gallery + "?errors=1")
    page.wait_for_function("document.activeElement.classList.contains('error-summary')")
    page.click(".error-summary a >> nth=0")
    assert page.evaluate("document.activeElement.id") == "id_day"


def test_everything_can_be_read_without_javascript(browser, gallery):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(gallery)
    assert page.is_visible("#map-table")
    assert page.is_visible("#side-body")
    assert page.is_visible("dialog#withdraw") is False
    page.goto(gallery + "#withdraw")
    assert page.is_visible("dialog#withdraw")
    context.close()
