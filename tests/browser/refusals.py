"""Refusals and faults as people see them: each page of an error, in the state that brings it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.fallback import FallbackStorage
from django.shortcuts import render
from django.template import loader
from django.test import RequestFactory
from django.utils import translation
from playwright.sync_api import Page, expect

from carbon_portal.kernel.errors import ServiceUnavailable
from carbon_portal.kernel.services import paths
from tests import database
from tests.browser.states import send, state
from tests.browser.world import World


@state("visitor")
def error_400(page: Page, world: World) -> None:
    page.goto(world.url + "/dashboards/?period=century")


@state("cashier")
def error_403(page: Page, world: World) -> None:
    page.goto(world.url + "/staff/")


@state("resident")
def error_403_till(page: Page, world: World) -> None:
    page.goto(world.url + "/till/")


@state("visitor")
def error_404(page: Page, world: World) -> None:
    page.goto(world.url + "/nowhere/")


@state("resident")
def error_405(page: Page, world: World) -> None:
    page.goto(f"{world.url}/vouchers/{world.things.vouchers['held']}/release")


@state("visitor")
def error_413(page: Page, world: World) -> None:
    page.goto(world.url + "/account/login/")
    page.evaluate("document.querySelector('#id_phone').value = '1'.repeat(2500000)")
    send(page)
    expect(page.locator("h1")).to_have_text(re.compile("文件太大|Too large"))


@state("visitor")
def error_csrf(page: Page, world: World) -> None:
    page.goto(world.url + "/account/login/")
    page.evaluate("document.querySelector('main [name=csrfmiddlewaretoken]').value = 'x'.repeat(64)")
    send(page)
    expect(page.locator("h1")).to_have_text(re.compile("页面已过期|This page has expired"))


@state("visitor", expected="status of 500")
def error_500(page: Page, world: World) -> None:
    with broken(world, "merchants_offer"):
        page.goto(world.url + "/offers/")
    expect(page.locator("h1")).to_have_text("系统出错了")


@state("visitor")
def error_429(page: Page, world: World) -> None:
    serve(page, world, "errors/429.html", 429)


@state("visitor", expected="status of 503")
def error_503(page: Page, world: World) -> None:
    error = ServiceUnavailable()
    serve(page, world, "errors/refusal.html", 503, error=error, sentence=error.sentence(preferences(page)["language"]))


@state("visitor", expected="status of 503")
def error_503_of_the_proxy(page: Page, world: World) -> None:
    answer_with(page, world, loader.render_to_string("errors/503.html"), 503)


@contextmanager
def broken(world: World, table: str) -> Iterator[None]:
    """A table that is not where it should be, for a moment."""
    connection = database.connect(paths.SUPERUSER, world.portal.database)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
            try:
                yield
            finally:
                cursor.execute(f"ALTER TABLE {table}_away RENAME TO {table}")
    finally:
        connection.close()


def preferences(page: Page) -> dict[str, str]:
    """Language and size of this browser, and its other cookies."""
    return {"language": "zh-hans", **{str(one["name"]): str(one["value"]) for one in page.context.cookies()}}


def serve(page: Page, world: World, template: str, status: int, **values: object) -> None:
    """An answer that takes a minute of bad luck to get, rendered here and served at an address of its own."""
    request = RequestFactory().get("/away/")
    request.COOKIES |= preferences(page)
    request.user, request.session = AnonymousUser(), {}  # type: ignore[assignment]
    request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
    with translation.override(preferences(page)["language"]):
        body = render(request, template, values, status=status).content.decode()
    answer_with(page, world, body, status)


def answer_with(page: Page, world: World, body: str, status: int) -> None:
    html = "text/html; charset=utf-8"
    page.route("**/away/", lambda route: route.fulfill(status=status, content_type=html, body=body))
    page.goto(world.url + "/away/")
