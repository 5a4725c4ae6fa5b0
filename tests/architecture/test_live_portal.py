"""The real processes start on a test's own database, and Chromium reaches them."""

import os
import re

import pytest


@pytest.mark.slow
def test_web_and_worker_run_on_the_tests_own_database(live_portal, own_database, as_role):
    assert live_portal.status("/healthz") == 200
    # The worker's first sign of life goes through the broker's server; readiness needs all three.
    live_portal.wait_until(lambda: live_portal.status("/readyz") == 200, "readiness")
    with as_role("superuser").cursor() as cursor:
        cursor.execute("SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = %s", [own_database])
        assert "portal_web" in {row[0] for row in cursor.fetchall()}
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


def test_without_chromium_the_browser_tests_say_so(pytester_run):
    skipped = pytester_run({"CHROMIUM": "/nonexistent/chromium", "REQUIRE_BROWSER": "0"})
    assert "1 skipped" in skipped.stdout
    assert "no Chromium found" in skipped.stdout
    required = pytester_run({"CHROMIUM": "/nonexistent/chromium", "REQUIRE_BROWSER": "1"})
    assert required.returncode != 0
    assert "REQUIRE_BROWSER=1" in required.stdout


@pytest.fixture
def pytester_run():
    import subprocess
    import sys

    from carbon_portal.kernel.services.paths import BASE_DIR

    def run(environment):
        base = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PORTAL", "DJANGO"))}
        test = f"{__file__}::test_a_page_opens"
        command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", test]
        return subprocess.run(command, cwd=BASE_DIR, env={**base, **environment}, capture_output=True, text=True)

    return run


@pytest.mark.browser
def test_a_page_opens(page):
    page.goto("data:text/html;charset=utf-8,<h1>碳普惠</h1>")
    assert page.locator("h1").inner_text() == "碳普惠"
