"""Supply accounts (户号): bound to one family or firm at a time."""

import datetime as dt
import re
import unicodedata

from django.conf import settings
from django.db import transaction

from accounts import phones, selectors
from accounts.constants import MeterKind, Role
from accounts.errors import MeterBoundElsewhere, MeterNumberInvalid
from accounts.models import Household, Meter, Organisation, Person
from carbon_portal.kernel import clock, scope
from carbon_portal.kernel.audit import record_event
from carbon_portal.kernel.errors import Forbidden

from ._shared import insert_or_get, region_code
from .households import require_head

_METER_NUMBER = re.compile(r"[0-9A-Z]{6,20}", re.ASCII)


@transaction.atomic
def bind_meter(
    *,
    kind: str,
    number: str,
    region: str,
    at: dt.datetime,
    household: Household | None = None,
    organisation: Organisation | None = None,
    actor: Person | None = None,
) -> Meter:
    """Bind a supply account to a household or a firm; one binding at a time in the whole province.

    `actor`, where given, must be the head or the firm's owner; without one the system does it.
    """
    if kind not in MeterKind.values:
        raise MeterNumberInvalid(reason="请选择电表、水表或气表。", reason_en="Choose electricity, water or gas.")
    if (household is None) == (organisation is None):
        raise ValueError("bind_meter takes a household or an organisation")
    _require_owner(household, organisation, actor)
    area, cleaned = region_code(region), meter_number(number)
    current = _bound(kind, cleaned)
    if current is None:
        made = Meter(
            kind=kind,
            number=cleaned,
            household=household,
            organisation=organisation,
            region=area,
            bound_on=clock.local_date(at),
        )
        current = insert_or_get(lambda: _insert(made), lambda: _of_twin(made))
        if _same_owner(current, household, organisation):
            record_event(
                verb="meter.bound",
                target=f"meter:{current.pk}",
                actor=actor.uuid if actor else None,
                region=area,
                data={"kind": str(kind)},
            )
    if not _same_owner(current, household, organisation):
        raise _bound_elsewhere(current)
    return current


@transaction.atomic
def release_meter(*, meter: Meter, actor: Person, at: dt.datetime) -> Meter:
    """End a binding; what was credited stays."""
    _require_owner(meter.household, meter.organisation, actor)
    day = clock.local_date(at)
    if Meter.objects.filter(pk=meter.pk, released_on__isnull=True).update(released_on=day):
        meter.released_on = day
        record_event(verb="meter.released", target=f"meter:{meter.pk}", actor=actor.uuid, region=meter.region)
    return meter


def meter_number(text: str) -> str:
    """6 to 20 digits or capitals, without spaces and dashes; `MeterNumberInvalid` says what is wrong."""
    cleaned = re.sub(r"[\s-]+", "", unicodedata.normalize("NFKC", text or "")).upper()
    if not _METER_NUMBER.fullmatch(cleaned):
        raise MeterNumberInvalid(
            reason=f"户号应为 6 至 20 位数字或字母，现在是 {min(len(cleaned), 99)} 位。请对照账单上的“户号”填写。",
            reason_en="The account number has 6 to 20 digits or letters. Copy it from the bill (户号).",
        )
    return cleaned


def _insert(meter: Meter) -> Meter:
    meter.save(force_insert=True)
    return meter


def _bound(kind: str, number: str) -> Meter | None:
    """Who has this number now, whoever that is: one asks for it by its number."""
    with scope.admitting(scope.meter_key(kind, number)):
        return Meter.objects.filter(kind=kind, number=number, released_on__isnull=True).first()


def _of_twin(made: Meter) -> Meter:
    with scope.admitting(scope.meter_key(made.kind, made.number)):
        return Meter.objects.get(kind=made.kind, number=made.number, released_on__isnull=True)


def _same_owner(meter: Meter, household: Household | None, organisation: Organisation | None) -> bool:
    return meter.household_id == (household.pk if household else None) and meter.organisation_id == (
        organisation.pk if organisation else None
    )


def _bound_elsewhere(meter: Meter) -> MeterBoundElsewhere:
    if meter.household_id is None:
        owner, owner_en = "一家企业", "a firm"
    else:
        tail = phones.tail(selectors.phone_of_head(meter.household_id))
        owner = f"尾号 {tail} 的家庭" if tail else "另一个家庭"
        owner_en = f"the family whose phone ends in {tail}" if tail else "another family"
    return MeterBoundElsewhere(owner=owner, owner_en=owner_en, hotline=settings.SITE_HOTLINE)


def _require_owner(household: Household | None, organisation: Organisation | None, actor: Person | None) -> None:
    if actor is None:
        return
    if household is not None:
        require_head(household, actor)
    elif organisation is not None and not selectors.holds(actor, Role.SME_OWNER, organisation=organisation):
        raise Forbidden
