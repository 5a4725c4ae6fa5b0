"""Every form that a person is shown, and the judgement of what comes back when it is sent with anything in it.

The pages come from the permission matrix, which knows every address; the forms and their fields are read from the pages
themselves. So a new form is attacked from its first day, and an address that takes a form without showing one to anybody
fails the gate until `_extra` leads to it, tests/hostile/standing.py builds what shows it, or `WITHOUT_FORM` gives a reason.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from oauth2_provider.models import get_application_model

from carbon_portal.kernel import clock
from credits import services as credits
from tests.credits import verifications
from tests.hostile import standing
from tests.hostile.pages import Field, Form, Reader
from tests.security.gate import AREA_STAFF, Row, addresses, body_of
from tests.security.planted import Planted
from tests.security.world import World, browser

#: What an answer to a form may be. 405 is no answer to a form that a page shows.
ANSWERS = frozenset({200, 302, 303, 400, 403, 404, 409, 413, 415, 422, 429})
#: Addresses that take POST and show no form, each with the reason.
WITHOUT_FORM: dict[str, str] = {
    "account_request_login_code": "the same view as account_login, whose form is sent there",
    "oauth2_provider:token": "for programs: answers JSON",
    "oauth2_provider:revoke-token": "for programs: answers JSON",
}
#: Forms that are samples, and go nowhere (405).
SAMPLES = frozenset({"pages:styleguide"})
#: Fields that come back empty by intent: what was typed there is a secret, or is for once.
CLEARED: dict[tuple[str, str], str] = {
    ("merchants:till-capture", "code"): "the field waits for the next customer's code",
}
#: Forms of several items that are saved each by itself: a bad one is refused and shown again, the others are kept.
SAVED_APART = {
    "credits:verification-record": "a verifier loses no answer because another one lacks its note",
}
#: Who walks through a page that is not for certain roles.
WALKERS = (
    "anonymous", "newcomer", "resident", "alice", "carol", "sme_owner", "cashier", "city_officer", "province_officer",
    "expert",
)  # fmt: skip
#: Rows that one request may write, and characters that one row of it may hold.
MOST_ROWS, LONGEST_ROW, LONGEST_TEXT = 60, 50_000, 500_000
#: Tables that hold whole documents of up to 256 KiB, whichever field made them so long.
DOCUMENTS = frozenset({"methodologies_draft", "methodologies_draftedit"})
HAN = re.compile(r"[\u3400-\u9fff]")
_TYPED = ("text", "textarea", "choice")


# -- walking -----------------------------------------------------------------------------------------------------------


@dataclass
class Walk:
    """People with a browser each, and the forms that they are shown."""

    planted: Planted
    rows: dict[str, Row]
    clients: dict[str, Client] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.planted.near

    def client(self, actor: str) -> Client:
        if actor not in self.clients:
            self.clients[actor] = browser(self.planted.users.get(actor))
        return self.clients[actor]

    def pages(self) -> Iterator[tuple[str, str]]:
        """Who looks at which page."""
        for name, row in self.rows.items():
            if row.who == "app" or (row.own is None and row.missing):
                continue
            url = reverse(name, kwargs=row.own(self.world) if row.own else {})
            if url.startswith("/api/"):
                continue
            for actor in self._who(row):
                yield actor, url
        yield from _extra(self)

    def _who(self, row: Row) -> tuple[str, ...]:
        if row.roles:
            return tuple(sorted(row.roles))
        if row.own and row.who != "public":
            return (row.owner, *sorted(row.rightful - AREA_STAFF), *sorted(row.known))
        return WALKERS if row.who != "public" else ("anonymous", "alice", "cashier")

    def forms(self) -> list[Form]:
        """Every form once for each set of fields, as shown to whoever comes to it first."""
        found: dict[tuple[str, frozenset[str]], Form] = {}
        varied: set[str] = set()  # addresses whose page has been opened by each of its own links, as on a row of tiles
        for actor, url in self.pages():
            variants = [url]
            for page in variants:  # grows by the page's own links to itself
                reader = self.read(actor, page)
                if reader is None:
                    break
                if page is url and any(form.fields and form.address not in varied for form in reader.forms):
                    varied |= {form.address for form in reader.forms if reader.variants}
                    variants += list(dict.fromkeys(reader.variants))[:30]
                for form in reader.forms:
                    if form.address and form.address not in SAMPLES:
                        form.good = self._good(form)
                        found.setdefault((form.address, frozenset(form.fields)), form)
        return list(found.values())

    def _good(self, form: Form) -> dict[str, str]:
        row = self.rows.get(form.address)
        return dict(row.form(self.world)) if row and row.form else {}

    def read(self, actor: str, url: str) -> Reader | None:
        """The page, if there is one for this person."""
        cache.clear()
        client = self.client(actor)
        cookies = dict(client.cookies)
        with transaction.atomic():
            answer = client.get(url)
            transaction.set_rollback(True)
        client.cookies.clear()
        client.cookies.update(cookies)
        if answer.status_code >= 400 or not answer.get("Content-Type", "").startswith("text/html"):
            return None
        return Reader(url, actor, body_of(answer).decode()) if answer.status_code == 200 else None

    def uncovered(self, forms: list[Form]) -> list[str]:
        """Addresses for people that take a form and show none, in sentences that say what to do."""
        shown = {form.address for form in forms}
        told = []
        for one in addresses():
            row = self.rows.get(one.name)
            if one.path.startswith("api/") or one.name in shown | WITHOUT_FORM.keys():
                continue
            if row is None or self._takes_a_form(one.name, row):
                told.append(
                    f"/{one.path} ({one.name}) takes POST and nobody is shown a form for it: lead the walk there (`own`, "
                    "`roles` of its row in tests/security/test_matrix.py, or `_extra` in tests/hostile/forms.py), close "
                    "it with require_safe, or give a reason in WITHOUT_FORM."
                )
        return told + [f"WITHOUT_FORM names {name!r}, which does show a form." for name in shown & WITHOUT_FORM.keys()]

    def _takes_a_form(self, name: str, row: Row) -> bool:
        kwargs = row.own(self.world) if row.own else (row.missing[0] if row.missing else {})
        actor = self._who(row)[0] if row.roles or row.own else "alice"
        with transaction.atomic():
            answer = browser(self.planted.users.get(actor)).post(reverse(name, kwargs=kwargs))
            transaction.set_rollback(True)
        return answer.status_code != 405


def _extra(walk: Walk) -> Iterator[tuple[str, str]]:
    """Pages that need a step before: a code on its way, a second device, an app that asks."""
    walk.client("waiting").post(reverse("account_login"), {"phone": "13611118888"})
    yield "waiting", reverse("account_confirm_login_code")
    _second_device(walk)
    yield "alice", reverse("usersessions_list")
    yield from _verifications(walk)
    yield from standing.pages(walk.planted)
    app = get_application_model().objects.create(
        client_id=f"rides-{uuid.uuid4().hex}", name="骑行助手", client_type="public",
        authorization_grant_type="authorization-code", redirect_uris="https://rides.example/back",
    )  # fmt: skip
    asked = {"response_type": "code", "client_id": app.client_id, "redirect_uri": app.redirect_uris, "scope": "me"}
    asked |= {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    yield "alice", f"{reverse('oauth2_provider:authorize')}?{urlencode(asked)}"


def _verifications(walk: Walk) -> Iterator[tuple[str, str]]:
    """A frame without its number, a sample that nobody has taken, and one that the verifier works on."""
    planted, now = walk.planted, clock.now()
    verifier = planted.users["verifier"]
    assert verifier is not None
    assert verifier.person_id is not None
    frozen = verifications.planted([planted.near.record.pk], region="440100", at=now, drawn=False)
    taken = verifications.planted([planted.far.record.pk], region="442000", at=now)
    credits.declare_as_verifier(verification=taken, person=verifier.person_id, conflicted=False, at=now)
    yield "province_officer", reverse("credits:verification-work", args=[frozen.pk])
    yield "verifier", reverse("credits:verification-work", args=[planted.near.verification])
    yield "verifier", reverse("credits:verification-record", args=[taken.pk, 1])


def _second_device(walk: Walk) -> None:
    for client in (walk.client("alice"), browser(walk.planted.users["alice"])):
        key = client.session.session_key
        known = {"user": walk.planted.users["alice"], "ip": "127.0.0.1", "user_agent": "x"}
        UserSession.objects.update_or_create(session_key=key, defaults=known)


# -- sending -----------------------------------------------------------------------------------------------------------


@dataclass
class Sent:
    """A request and what came of it."""

    form: Form
    what: str
    typed: dict[str, Any]
    english: bool
    answer: HttpResponse
    wrote: dict[str, int]  #: tables that it changed, and how many rows more they have
    longest: dict[str, int]
    raw: bool = False  #: the body as a whole was broken, so no page can show it again

    @property
    def tampered(self) -> bool:
        """Whether a field that nobody sees was sent with something else in it."""
        hidden = [one for one in self.form.fields.values() if one.kind == "hidden"]
        return any(self.typed.get(one.name) != self.form.good.get(one.name, one.good()) for one in hidden)

    def __str__(self) -> str:
        language = " in English" if self.english else ""
        return f"{self.form.actor} {self.form.address}, {self.what:.60}{language}: {self.answer.status_code}"


class Attack:
    """Sends, undoes, judges; faults are sentences."""

    def __init__(self, walk: Walk) -> None:
        self.walk, self.requests = walk, 0
        self.book = walk.planted.gate("anonymous", walk.rows).remember()
        self.faults: list[str] = []
        self.accepted: set[str] = set()

    def send(
        self, form: Form, what: str, typed: dict[str, Any], *, english: bool = False, long: bool = False, **options: Any
    ) -> Sent:
        """One form, sent as a browser would (`options` instead of it: a body and its kind); judged, and undone."""
        self.requests += 1
        client = self.walk.client(form.actor)
        cookies, raw = dict(client.cookies), bool(options)
        if english:
            client.cookies["language"] = "en"
        if not raw:
            body = urlencode({"csrfmiddlewaretoken": "x" * 64, **typed}, doseq=True)
            options = {"data": body.encode(), "content_type": "application/x-www-form-urlencoded"}
        cache.clear()  # limits of the requests before
        with transaction.atomic():
            # Bytes as they are: `post` would encode them into the alphabet that they claim.
            whole = isinstance(options["data"], bytes)
            self.book.begin()
            answer: HttpResponse = (
                client.generic("POST", form.action, **options) if whole else client.post(form.action, **options)
            )
            changed = self.book.changed() if answer.status_code < 500 else []
            wrote = _rows(changed)
            longest = _longest([*wrote, "django_session"]) if long and answer.status_code < 500 else {}
            transaction.set_rollback(True)
        client.cookies.clear()
        client.cookies.update(cookies)
        wrote = {table: count - before for table, before in _rows(wrote).items() for count in [wrote[table]]}
        sent = Sent(form, what, typed, english, answer, wrote, longest, raw)
        self.faults += [f"{sent}, {fault}" for fault in judge(sent)]
        if answer.status_code in (302, 303) and wrote:
            self.accepted.add(form.address)
        return sent


def _rows(tables: Iterable[str]) -> dict[str, int]:
    with connection.cursor() as cursor:
        found = {}
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            found[table] = cursor.fetchone()[0]
    return found


def _longest(tables: list[str]) -> dict[str, int]:
    with connection.cursor() as cursor:
        found = {}
        for table in tables:
            cursor.execute(f'SELECT coalesce(max(length(t::text)), 0) FROM "{table}" t')
            found[table] = cursor.fetchone()[0]
    return found


def judge(sent: Sent) -> Iterator[str]:
    """What is wrong with an answer."""
    answer, status = sent.answer, sent.answer.status_code
    if status not in ANSWERS:
        yield "which is no answer to a form"
        return
    most = LONGEST_TEXT if any(one.kind in ("textarea", "file") for one in sent.form.fields.values()) else LONGEST_ROW
    for table, longest in sent.longest.items():
        if longest > (LONGEST_TEXT if table in DOCUMENTS else most):
            yield f"kept {longest} characters in a row of {table}"
    if sum(sent.wrote.values()) > MOST_ROWS:
        yield f"wrote {sent.wrote}"
    if status in (302, 303):
        return
    text = body_of(answer).decode(errors="replace")
    if "Traceback (most recent" in text:
        yield "with a trace"
    page = Reader(sent.form.action, sent.form.actor, text)
    again = _again(sent.form, page.forms)
    if status >= 400 or page.errors:
        yield from _refused(sent, page, again, text)
    elif not sent.wrote and again and "<html" in text and _looks_the_same(sent, again):
        yield "shown again without a sentence"


def _again(form: Form, shown: list[Form]) -> Form | None:
    """The form in the answer: one page may show several that go to the same pattern, or even to the same address."""

    def likeness(one: Form) -> tuple[bool, int]:
        return urlsplit(one.action).path == urlsplit(form.action).path, len(one.fields.keys() & form.fields.keys())

    return max((one for one in shown if one.address == form.address), key=likeness, default=None)


def _looks_the_same(sent: Sent, again: Form) -> bool:
    """The very form again, and not one of another thing or one button of many."""
    return (
        any(one.kind in _TYPED for one in sent.form.fields.values()) and again.fields.keys() == sent.form.fields.keys()
    )


def _refused(sent: Sent, page: Reader, again: Form | None, text: str) -> Iterator[str]:
    if sent.wrote and sent.form.address not in SAVED_APART:
        yield f"refused, but wrote {sorted(sent.wrote)}"
    if sent.answer.get("Content-Type", "").startswith("application/json"):
        told = json.dumps(json.loads(text), ensure_ascii=False)  # as asked for
    else:
        told = " ".join(page.errors).strip() if page.errors else " ".join(page.words)
    if not re.search(r"[A-Za-z]{3,} [a-z]+ [a-z]+", told) if sent.english else not HAN.search(told):
        yield "without a sentence in the reader's language"
    if sent.english and page.errors and (found := HAN.search(_without(told, sent))):
        yield f"with Chinese in an English sentence: {told[max(0, found.start() - 40) : found.end() + 40]!r}"
    if sent.raw or sent.form.swapped:
        return
    shown = {name: one for name, one in sent.form.fields.items() if one.kind in _TYPED}
    if again is None:
        if any(one.kind in ("text", "textarea") for one in shown.values()) and not _too_large_to_read(sent):
            yield "refused without the form: what was typed is lost"
        return
    for name, one in shown.items():
        typed = sent.typed.get(name)
        if not isinstance(typed, str) or not _can_come_back(one, typed) or (sent.form.address, name) in CLEARED:
            continue
        if name not in again.fields and sent.tampered:
            continue  # what this page is about stands in a hidden field
        if name not in again.fields or again.fields[name].value.strip() != typed.strip():
            yield f"{name} lost {typed[:30]!r}"


def _too_large_to_read(sent: Sent) -> bool:
    """Whether the whole body was beyond the limit: it is refused unread, so no page can show it again."""
    return len(urlencode(sent.typed, doseq=True)) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def _without(told: str, sent: Sent) -> str:
    """The sentence without what was typed, which it may repeat, and without the Chinese for a word in brackets."""
    told = re.sub(r"\([^()]*\)", "", told)
    for typed in sent.typed.values():
        if isinstance(typed, str) and typed:
            told = told.replace(typed, "")
    return told


def _can_come_back(one: Field, typed: str) -> bool:
    """A page can show what has no control characters; a list only what stands on it."""
    if one.kind == "choice":
        return bool(typed) and typed in one.options
    return len(typed) <= 200 and typed.isprintable()
