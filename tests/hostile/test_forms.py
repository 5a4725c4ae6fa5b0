"""Every form for people against everything in inputs.py: an answer of the set, a sentence, nothing lost, nothing kept (T25, T27).

HOSTILE_FORMS asks for more values of each field (80 are all of them).
"""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.hostile import planted as planted_forms
from tests.hostile.forms import Attack, Walk
from tests.hostile.inputs import HOSTILE_FIELDS, ODD_TEXTS, UNSENDABLE
from tests.hostile.pages import Form
from tests.security.gate import Row
from tests.security.planted import Planted
from tests.security.test_matrix import ROWS

#: Values that each field gets, beside those that all of them get; a form as a whole gets three times as many.
SIZE = int(os.environ.get("HOSTILE_FORMS") or 2)
NOBODY = "00000000-0000-4000-8000-000000000000"
#: Bytes that are no UTF-8: a lone surrogate, a byte order mark of UTF-16, an overlong slash.
NO_TEXT: list[Any] = [b"\xed\xa0\x80", b"\xff\xfe1", b"\xc0\xaf"]
NUMBERS = ["１２", "٣", "1e5", "inf", "-inf", "NaN", "-0", "007", "1" + "0" * 30, "-1", "9" * 19, "2147483648"]
DAYS = ["0001-01-01", "9999-12-31", "2026-02-30", "2026-13-01", "25:61", "0001-01-01T00:00"]
#: What every field gets, and what they take turns at.
ALWAYS: list[Any] = ["\x00", b"\xed\xa0\x80", "x" * 100_000]
IN_TURN: list[Any] = list(
    dict.fromkeys([*NUMBERS, NOBODY, *DAYS, *UNSENDABLE, *ODD_TEXTS, *NO_TEXT, "[]", "<b>", "汉" * 100_000, "no-such"])
)
URLENCODED = "application/x-www-form-urlencoded"
#: Bodies as a whole, with their kind, and the statuses that they must have (none: any of the set).
BODIES: dict[str, tuple[bytes, str, tuple[int, ...]]] = {
    "ten thousand fields": (b"&".join(b"f%d=1" % number for number in range(10_000)), URLENCODED, (400, 413)),
    "three megabytes": (b"note=" + b"x" * 3_000_000, URLENCODED, (413,)),
    "a field four hundred times": (b"&".join([b"note=1"] * 400), URLENCODED, ()),
    "bad escapes": (b"note=%&name=%u0041&%%%=1&=&=;", URLENCODED, ()),
    "raw bytes": (b"note=\xff\xfe\x00&\x00=1", URLENCODED, ()),
    "NUL in a name": (b"no%00te=1&%ff=%ff", URLENCODED, ()),
    "JSON": (b'{"name": ["x", {"a": null}]}', "application/json", ()),
    "plain text": (b"name=x", "text/plain", ()),
    "no kind": (b"name=x", "x", ()),
    "an unknown alphabet": (b"name=x", f"{URLENCODED}; charset=no-such", ()),
    "UTF-16": ("name=x".encode("utf-16"), f"{URLENCODED}; charset=utf-16", ()),
    "no boundary": (b"name=x", "multipart/form-data", (400,)),
    "an empty boundary": (b"name=x", "multipart/form-data; boundary=", (400,)),
    "NUL as boundary": (b"name=x", "multipart/form-data; boundary=\x00", (400,)),
    "another boundary": (b'--a\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--a--\r\n',
                         "multipart/form-data; boundary=b", ()),
    "half a part": (b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n\xff\xd8',
                    "multipart/form-data; boundary=b", ()),
    "an odd transfer": (b'--b\r\nContent-Disposition: form-data; name="note"\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n--b--\r\n',
                        "multipart/form-data; boundary=b", ()),
}  # fmt: skip


def all_with(form: Form, text: Any) -> dict[str, Any]:
    """This in every field that a person sees."""
    return {name: one if form.fields[name].kind == "hidden" else text for name, one in form.typed().items()}


def values(turn: Iterator[Any], count: int) -> list[Any]:
    return [*ALWAYS, *(next(turn) for _ in range(min(count, len(IN_TURN))))]


def attack_with_values(attack: Attack, form: Form, turn: Iterator[Any], known: set[tuple[str, str]]) -> None:
    """Junk in all fields and in each, fields left out, sent twice, and in the other language."""
    plain, again = form.typed(), any(address == form.address for address, _name in known)
    for text in values(turn, (1 if again else 3) * SIZE) if plain else ():
        attack.send(form, f"all {text!r:.30}", all_with(form, text), long=len(text) >= 100_000)
    for text in ("", "１２", NOBODY)[: 1 if again else 3] if plain else ():
        attack.send(form, f"all {text!r}", all_with(form, text), english=True)
    for name, one in form.fields.items():
        if (form.address, name) in known:
            continue  # attacked with this address's form for something else
        known.add((form.address, name))
        for text in values(turn, SIZE):
            attack.send(form, f"{name}={text!r:.30}", plain | {name: text}, long=len(text) >= 100_000)
        if one.kind in ("text", "textarea"):
            attack.send(form, f"{name} of a million", plain | {name: "x" * 1_000_000}, long=True)
        attack.send(form, f"without {name}", {key: value for key, value in plain.items() if key != name})
        attack.send(form, f"{name} forty times", plain | {name: ["1", NOBODY, "\x00", plain.get(name, "")] * 10})


def attack_with_bodies(attack: Attack, form: Form) -> None:
    """What is no form, what is far too much, and files where there should be none. Who asks for no field reads nothing."""
    for name, (body, kind, statuses) in BODIES.items() if form.fields else list(BODIES.items())[:4]:
        sent = attack.send(form, name, {}, data=body, content_type=kind)
        if statuses and form.fields and sent.answer.status_code not in statuses:
            attack.faults.append(f"{sent}, not {statuses}")
    plain = form.typed()
    for name in list(plain)[:2]:
        file = SimpleUploadedFile("a\x00../../b.php", b"\x89PNG\r\n\x1a\n" + b"\x00" * 100, "image/png")
        attack.send(form, f"a file as {name}", {}, data=plain | {name: file})
    files = {f"file{number}": SimpleUploadedFile("a.jpg", b"x", "image/jpeg") for number in range(6)}
    sent = attack.send(form, "six files", {}, data=plain | files)
    if form.fields and sent.answer.status_code not in (400, 413):
        attack.faults.append(f"{sent}, not 400")
    for name in (one.name for one in form.fields.values() if one.kind == "file"):
        for what, content in (("text", b"not a picture"), ("nothing", b""), ("NUL", b"\x00" * 100_000)):
            file = SimpleUploadedFile("a.jpg.html", content, "image/jpeg")
            attack.send(form, f"{name} of {what}", {}, data=plain | {name: file})
        attack.send(form, f"a word as {name}", plain | {name: "photo.jpg"})


def attack_with_foreign_fields(attack: Attack, form: Form) -> None:
    """Fields that the form does not have change nothing."""
    plain = form.typed()
    asked = attack.send(form, "as it stands", plain)
    foreign = {name: str(value) for name, value in HOSTILE_FIELDS.items() if name not in plain}
    smuggled = attack.send(form, "hostile fields", plain | foreign)
    if (asked.answer.status_code, asked.wrote) != (smuggled.answer.status_code, smuggled.wrote):
        attack.faults.append(f"{smuggled}: fields that it does not have made {asked.wrote} into {smuggled.wrote}")


def run_gate(walk: Walk, *, only: str = "") -> tuple[Attack, list[Form]]:
    """All attacks on every form whose action begins so."""
    forms = [form for form in walk.forms() if form.action.startswith(only)]
    # Afterwards: the walk plants what some pages need, and the attack remembers the tables as they stand.
    attack, turn, known = Attack(walk), itertools.cycle(IN_TURN), set[tuple[str, str]]()
    for form in forms:
        again = any(address == form.address for address, _name in known)
        if again and form.swapped:
            continue  # the same fields are sent to the form beside it
        attack_with_values(attack, form, turn, known)
        if not again:
            known.add((form.address, ""))
            attack_with_bodies(attack, form)
            attack_with_foreign_fields(attack, form)
    return attack, forms


@pytest.fixture
def walk(planted: Planted, settings: Any) -> Walk:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of tries
    settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 3600  # a code that waits to be attacked lives as long as the attack
    officer = planted.users["city_officer"]
    assert officer is not None
    officer.set_password("on duty 1")
    officer.save(update_fields=["password"])
    return Walk(planted, dict(ROWS))


@pytest.mark.slow
def test_every_form_answers_whatever_is_sent(walk: Walk) -> None:
    attack, forms = run_gate(walk)
    uncovered = walk.uncovered(forms)
    assert not uncovered, "\n".join(uncovered)
    missed = walk.uncovered([form for form in forms if form.address != "pages:rename"])
    assert [told.split()[0] for told in missed] == ["/me/name/"]
    assert not attack.faults, f"{len(attack.faults)} of {attack.requests}:\n" + "\n".join(attack.faults[:80])
    assert len({form.address for form in forms}) >= 30, sorted({form.address for form in forms})
    assert len(attack.accepted) >= 12, sorted(attack.accepted)  # else it attacks doors that nobody can open


def test_each_bad_form_is_found(walk: Walk, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.hostile.planted"
    walk.rows = {f"planted-{name}": Row("public") for name in (*planted_forms.FORMS, "unseen")}
    attack, forms = run_gate(walk, only="/planted/")
    faults = "\n".join(attack.faults)
    for fault in (
        "planted-breaks, note='\\x00': 500, which is no answer to a form",
        "planted-forgets, without day: 200, note lost '5'",
        "planted-quiet, without day: 200, shown again without a sentence",
        "planted-early, without day: 200, refused, but wrote ['kernel_auditevent']",
        "planted-hoards, note of a million: 302, kept 10000",
        "planted-forgets, all '１２' in English: 200, without a sentence in the reader's language",
    ):
        assert fault in faults, (fault, faults[:3000])
    walk.rows |= ROWS
    assert [told.split()[0] for told in walk.uncovered(forms) if "planted" in told] == ["/planted/unseen"]
