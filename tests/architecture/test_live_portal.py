"""The real processes start on a test's own database, and Chromium reaches them."""

import re

import pytest

from tests import portal


@pytest.mark.slow
def test_web_and_worker_run_on_the_tests_own_database(live_portal):
    assert live_portal.status("/healthz") == 200
    # The worker's first sign of life goes through the broker's server; readiness needs all three.
    live_portal.wait_until(lambda: live_portal.status("/readyz") == 200, "readiness")
    worker = live_portal.processes[-1]
    worker.kill()
    assert not worker.alive()
    live_portal.start_worker()


@pytest.mark.slow
@pytest.mark.browser
def test_chromium_reads_a_page(portal_processes, page):
    portal_processes.start_web()
    answer = page.goto(portal_processes.url + "/healthz")
    assert answer.status == 200
    assert re.search("ok", page.content())


def test_without_chromium_a_browser_test_is_skipped_or_fails_where_it_is_required(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/nonexistent/chromium")
    monkeypatch.setenv("REQUIRE_BROWSER", "0")
    with pytest.raises(pytest.skip.Exception, match="no Chromium found"):
        portal.find_chromium()
    monkeypatch.setenv("REQUIRE_BROWSER", "1")
    with pytest.raises(pytest.fail.Exception, match="REQUIRE_BROWSER=1"):
        portal.find_chromium()


@pytest.mark.browser
def test_a_page_opens(page):
    page.goto("data:text/html;charset=utf-8,<h1>碳普惠</h1>")
    assert page.locator("h1").inner_text() == "碳普惠"
