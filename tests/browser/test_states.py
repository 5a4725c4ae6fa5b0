"""Every state that somebody can bring a page into reads as well as the page: axe-core, width, language, a silent console."""

import re

import pytest
from playwright.sync_api import Browser

from tests.browser import look, refusals  # noqa: F401  (refusals registers its states)
from tests.browser.crawl import EVERYTHING
from tests.browser.states import STATES, State
from tests.browser.world import DATA, NARROW, World, open_context, prefer

pytestmark = [pytest.mark.slow, pytest.mark.browser]

#: English in large print shows what is untranslated and what is too wide; with EVERY_MODE=1 each with each.
MODES = [("en", "large")]
if EVERYTHING:
    MODES += [("zh-hans", "normal"), ("zh-hans", "large"), ("en", "normal")]


@pytest.mark.parametrize(("language", "size"), MODES)
@pytest.mark.parametrize("who", sorted({one.who for one in STATES}))
def test_every_state_reads_well(browser: Browser, world: World, who: str, language: str, size: str) -> None:
    context, watch = open_context(browser, world, world.people[who], viewport=NARROW)
    look.bring_axe(context)
    prefer(context, world, language=language, size=size)
    problems: list[str] = []
    for one in (one for one in STATES if one.who == who):
        page = context.new_page()  # what one leaves behind, a dialog or a plan for requests, is not the next one's
        try:
            one.make(page, world)
        except Exception as error:
            raise AssertionError(
                f"{one.name} was not reached at {page.url}: {page.inner_text('body')[:600]}"
            ) from error
        look.settle(page)
        problems += [f"{one.name}: {found}" for found in look.judge(page, DATA) + heard(watch, one)]
        page.close()
    context.close()
    assert not problems, "\n".join(problems)


def heard(watch: look.Watch, state: State) -> list[str]:
    return [line for line in watch.take() if not (state.expected and re.search(state.expected, line))]
