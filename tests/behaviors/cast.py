"""People and a small library for the tests of records. Alice and Bob live in Guangzhou, the Chens are a family."""

import datetime as dt
import hashlib
import io
import itertools
import json
from functools import cache
from pathlib import Path

import yaml
from PIL import Image

from accounts.models import Household, HouseholdMember, Membership, Organisation, Participant, Person, Provider, User
from behaviors.services import submit_record
from carbon_portal.kernel import clock
from carbon_portal.kernel.models import Approval
from methodologies.models import Methodology, MethodologyVersion
from tests.founding import by_owner

LIBRARY = Path(__file__).resolve().parents[2] / "methodologies" / "library"
NOON = dt.datetime(2026, 11, 21, 4, 0, tzinfo=dt.UTC)  # 12:00 in Guangzhou
TODAY = dt.date(2026, 11, 21)
_numbers = itertools.count(1)


def resident(name="Alice", region="440106", phone=None):
    person = Person.objects.create(name=name, region=region, created_at=NOON)
    return Participant.objects.create(
        public_id=f"R{next(_numbers):08d}", kind="resident", region=region, person=person, created_at=NOON
    )


def login(person, **fields):
    number = next(_numbers)
    return User.objects.create(
        username=f"user{number}", phone=f"+86138{number:08d}", phone_verified=True, person=person, **fields
    )


def household(head, region="440106", name="陈家"):
    family = Household.objects.create(name=name, region=region, created_at=NOON)
    HouseholdMember.objects.create(household=family, person=head, is_head=True, joined_on=TODAY)
    return Participant.objects.create(
        public_id=f"H{next(_numbers):08d}", kind="household", region=region, household=family, created_at=NOON
    )


def firm(owner, region="440106"):
    organisation = Organisation.objects.create(kind="sme", name="绿叶便利店", region=region, created_at=NOON)
    Membership.objects.create(person=owner, role="sme_owner", organisation=organisation, created_at=NOON)
    return Participant.objects.create(
        public_id=f"E{next(_numbers):08d}", kind="sme", region=region, organisation=organisation, created_at=NOON
    )


def provider(code="gz-metro", name="广州地铁", region="440100"):
    return Provider.objects.create(code=code, name=name, region=region, created_at=NOON)


def officer(region="440100", role="city_officer"):
    person = Person.objects.create(name="Officer", region=region, created_at=NOON)
    Membership.objects.create(person=person, role=role, region=region, created_at=NOON)
    return login(person)


@cache
def _documents():
    """Source, document and digest of every shipped method."""
    found = []
    for path in sorted(LIBRARY.glob("*.yaml")):
        if path.name != "factors.yaml":
            text = path.read_text(encoding="utf-8")
            document = yaml.load(text, Loader=yaml.BaseLoader)
            found.append((text, document, hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()))
    return found


@by_owner
def library(*activities):
    """Publish the shipped documents (of these activities, or all) as a sync would have done."""
    chosen = [found for found in _documents() if not activities or found[1]["activity"] in activities]
    methods = Methodology.objects.bulk_create(
        Methodology(**{key: document[key] for key in ("code", "activity", "region", "level", "sector")})
        for _, document, _ in chosen
    )
    Approval.objects.bulk_create(
        Approval(
            kind="methodology.publish", subject=f"methodology:{document['code']}@{document['version']}",
            content_sha256=sha256, basis=Approval.Basis.FOUNDING, decided_at=NOON,
        )
        for _, document, sha256 in chosen
    )  # fmt: skip
    MethodologyVersion.objects.bulk_create(
        MethodologyVersion(
            methodology=method,
            version=document["version"],
            state="published",
            effective_from=document["effective_from"],
            sha256=sha256,
            source=text,
            document=document,
            title_zh=document["title"]["zh"],
            certifiable=document["certifiable"] == "true",
            published_at=NOON,
            created_at=NOON,
        )
        for method, (text, document, sha256) in zip(methods, chosen, strict=True)
    )


def at_local(hour, minute=0, day=TODAY):
    return clock.local_midnight(day) + dt.timedelta(hours=hour, minutes=minute)


def ride(participant, *, start=8, minutes=30, key=None, at=NOON, day=TODAY, **changes):
    """A self-declared metro trip of 12.4 km on Alice's usual day."""
    began = at_local(start, day=day)
    fields = {
        "participant": participant,
        "person": participant.person,
        "activity": "metro_trip",
        "inputs": {"distance": "12.4"},
        "started_at": began,
        "ended_at": began + dt.timedelta(minutes=minutes),
        "region": "440106",
        "channel": "page",
        "source_record_id": key or f"ride-{next(_numbers)}",
        "at": at,
    }
    return submit_record(**fields | changes)


def picture(kind="JPEG", size=(64, 48), colour=None, **save):
    """A small photo as an upload would bring it; each colour is another picture."""
    number = next(_numbers)
    image = Image.new("RGB", size, colour or (number % 251, number // 251 % 251, 90))
    out = io.BytesIO()
    image.save(out, kind, **save)
    out.seek(0)
    return out
