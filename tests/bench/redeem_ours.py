"""Redemptions at one merchant through Django: ``python -m tests.bench.redeem_ours CLIENTS PARTICIPANTS``.

One `ledger_post` from a participant to the merchant, through the ledger's service.
"""

import random
import sys
from collections.abc import Callable
from uuid import UUID

import django

MERCHANT = UUID("00000000-0000-4000-8000-0000000000aa")


def participant(number: int) -> UUID:
    return UUID(f"00000000-0000-4000-8000-{100_000_000_000 + number}")


def deeds(participants: int) -> tuple[Callable[[str], None], Callable[[], None]]:
    """The redemption of a key by somebody, and the same again, which must find the first."""
    from carbon_portal.kernel import clock
    from credits.ledger import addresses, services
    from credits.ledger.constants import Kind, Unit

    dice, merchant = random.Random(), addresses.merchant(MERCHANT)
    last: tuple[str, UUID, UUID] = "", MERCHANT, MERCHANT
    people = [participant(number) for number in range(participants)]

    def post(key: str, payer: UUID) -> services.Posting:
        return services.post(
            key=key,
            kind=Kind.DONATION,
            lines=[(addresses.participant_points(payer, 2026), Unit.POINTS, -7), (merchant, Unit.POINTS, 7)],
            at=clock.now(),
            source="bench",
        )

    def redeem(key: str) -> None:
        nonlocal last
        payer = dice.choice(people)
        last = key, payer, post(key, payer).uid

    def again() -> None:
        key, payer, uid = last
        found = post(key, payer)
        assert found.replayed, f"{key} had a second effect"
        assert found.uid == uid, f"{key} has another result"

    return redeem, again


def main() -> None:
    django.setup()
    from tests.bench.clients import serve

    clients, participants = int(sys.argv[1]), int(sys.argv[2])
    serve(lambda: deeds(participants), clients=clients)


if __name__ == "__main__":
    main()
