"""The exchange's checks, each with a corruption that it must name."""

import pytest

from carbon_portal.kernel.services import paths
from carbon_portal.workflows.verify.exchange import CHECKS
from merchants import codes, services
from tests.merchants.world import AT, build_exchange, give_points
from tests.people import build_cast, person_of

CORRUPTIONS = {
    "V10": "UPDATE merchants_offerslot SET remaining = remaining + 1 WHERE number = 0",
    "V10b": "UPDATE merchants_offer SET per_person = 1",
    "V10c": "UPDATE merchants_voucher SET state = 'released' WHERE state = 'captured'",
    "V10d": "UPDATE merchants_voucher SET state = 'captured' WHERE state = 'refunded'",
    "V10e": "INSERT INTO kernel_idempotencykey (client, key, body_sha256, status, answer, created_at)"
    ' SELECT \'till:\' || n, n::text, \'\', 200, \'{"uuid":"00","state":"captured"}\', now() FROM generate_series(1, 2) n',
    "V6b": "ALTER TABLE merchants_voucher DROP CONSTRAINT voucher_request_once;"
    " UPDATE merchants_voucher SET request_key = 'twice'",
}


@pytest.fixture
def world(own_database, as_role):
    """One voucher in each state: held, captured, refunded, released, expired."""
    cast = build_cast()
    shop = build_exchange(cast)
    give_points(cast.alice_account, 100)
    person = person_of(shop.tills[0])
    _held, captured, refunded, released, expired = (
        services.take_voucher(offer=shop.offer, participant=cast.alice_account, request_key=str(number), at=AT)
        for number in range(5)
    )
    for voucher in (captured, refunded):
        services.capture(code=codes.qr_payload(voucher.uuid, AT), person=person, at=AT)
    services.refund(voucher=refunded, person=person, at=AT)
    services.release_voucher(voucher=released, at=AT)
    type(expired).objects.filter(pk=expired.pk).update(expires_at=AT)
    services.expire_vouchers(at=AT)
    return as_role(paths.SUPERUSER)


def test_every_check_passes_a_sound_exchange_and_names_a_corrupted_one(world) -> None:
    assert {check.id for check in CHECKS} == set(CORRUPTIONS)
    with world.cursor() as cursor:
        for check in CHECKS:
            cursor.execute(check.sql)
            assert cursor.fetchall() == [], check.id
        for check in CHECKS:
            cursor.execute("SAVEPOINT sound")
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(CORRUPTIONS[check.id])
            cursor.execute(check.sql)
            assert cursor.fetchall(), check.id
            cursor.execute("ROLLBACK TO SAVEPOINT sound")
    world.rollback()
