"""A reward for an adopted idea (P2.4-d): two people, one pool, once; refusals keep what was typed."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import DatabaseError
from django.test import Client

from accounts.models import User
from carbon_portal.kernel import approval_errors, approvals
from carbon_portal.kernel.errors import InvalidInput
from carbon_portal.kernel.services import paths
from carbon_portal.workflows.verify.rewards import CHECKS
from credits import services
from credits.constants import MOST_REWARD_POINTS, RewardState
from credits.errors import NoReward, RewardBeyondThePool
from credits.ledger.models import LedgerEntry
from credits.ledger.selectors import pool_balance, spendable_points
from credits.models import FundedPool, ProposalReward
from credits.services.rewards import KIND, content_of, subject_of
from methodologies.models import Proposal
from methodologies.services import proposals
from tests.credits import rewards
from tests.methodologies.ideas import proposal
from tests.people import GUANGZHOU, Cast, build_cast, person_of

AT = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)


def adopted(cast: Cast, user: User | None = None) -> Proposal:
    """An idea of Alice's, adopted by Guangzhou."""
    return rewards.adopted(user or cast.alice, officer=cast.city_officer, approver=cast.city_approver, at=AT)


def fund(points: int = 1_000, region: str = GUANGZHOU) -> FundedPool:
    return services.fund_pool(region=region, sponsor=None, points=points, actor=None, at=AT, key=f"k-{region}")


def ask(cast: Cast, one: Proposal, points: int = 300) -> ProposalReward:
    return rewards.asked(one, officer=cast.city_officer, points=points, at=AT)


def decide(cast: Cast, reward: ProposalReward, **changes: object) -> ProposalReward:
    said = {
        "actor": person_of(cast.city_approver), "shown_sha256": content_of(reward), "approved": True, "note": "",
        "at": AT,
    } | changes  # fmt: skip
    return services.decide_reward(reward=reward, **said)


def visit(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def cast(db: None) -> Cast:
    return build_cast()


def test_two_people_reward_an_idea_once_and_the_sender_reads_why(cast: Cast) -> None:
    one, pool = adopted(cast), fund()
    officer, approver = visit(cast.city_officer), visit(cast.city_approver)
    path = f"/staff/proposals/{one.number}/reward"
    assert f'href="{path}"' in officer.get(f"/staff/proposals/{one.number}/").content.decode()
    assert officer.post(f"{path}/ask", {"points": "300", "reason": rewards.WHY}).status_code == 302
    assert pool_balance(pool.uuid) == 1_000, "nothing moves before the decision"
    assert path in approver.get("/staff/todo/").content.decode()
    shown = re.search(r'name="shown" value="([0-9a-f]{64})"', approver.get(path).content.decode())[1]
    assert approver.post(f"{path}/decide", {"shown": shown, "approved": "yes", "note": ""}).status_code == 302
    assert pool_balance(pool.uuid) == 700
    assert spendable_points(cast.alice_account.uuid, on=dt.date(2026, 11, 30)) == 300
    reward = ProposalReward.objects.get()
    assert (reward.state, reward.entry) == (
        RewardState.PAID, LedgerEntry.objects.get(idempotency_key=f"reward:{one.number}").uid,
    )  # fmt: skip
    statement = visit(cast.alice).get("/statement").content.decode()
    assert f"建议 {one.number} 被采纳" in statement
    again = approver.post(f"{path}/decide", {"shown": shown, "approved": "yes", "note": ""})
    assert again.status_code == 422
    assert pool_balance(pool.uuid) == 700
    with pytest.raises(NoReward, match="rewarded already"):
        ask(cast, one)


def test_nobody_decides_about_their_own_wish_and_the_sender_never(cast: Cast) -> None:
    one = adopted(cast)
    fund()
    reward = ask(cast, one)
    with pytest.raises(approval_errors.OwnRequest):
        decide(cast, reward, actor=person_of(cast.city_officer))
    with pytest.raises(approval_errors.AuthorDecides):
        decide(cast, reward, actor=person_of(cast.alice))
    with pytest.raises(approval_errors.StalePage):
        decide(cast, reward, shown_sha256="0" * 64)
    with pytest.raises(IntegrityError, match="reward_two_people"), transaction.atomic():
        ProposalReward.objects.filter(pk=reward.pk).update(approver=reward.initiator)


def test_a_wish_that_was_changed_after_the_request_is_void(cast: Cast) -> None:
    one, pool = adopted(cast), fund()
    reward = ask(cast, one)
    shown = content_of(reward)
    ProposalReward.objects.filter(pk=reward.pk).update(points=900)
    with pytest.raises(approval_errors.ContentChanged):
        decide(cast, reward, shown_sha256=shown)
    assert approvals.request_for(KIND, subject_of(reward)).state == "void"
    assert pool_balance(pool.uuid) == 1_000


def test_a_returned_wish_may_be_asked_for_again_otherwise(cast: Cast) -> None:
    one, pool = adopted(cast), fund()
    reward = ask(cast, one)
    with pytest.raises(approval_errors.NoteNeeded):
        decide(cast, reward, approved=False)
    assert decide(cast, reward, approved=False, note="太多").state == RewardState.RETURNED
    assert "太多" in visit(cast.city_officer).get(f"/staff/proposals/{one.number}/reward").content.decode()
    again = ask(cast, one, points=50)
    assert again.pk == reward.pk
    assert decide(cast, again).state == RewardState.PAID
    assert pool_balance(pool.uuid) == 950


def test_a_pool_that_holds_too_little_pays_nothing(cast: Cast) -> None:
    one = adopted(cast)
    with pytest.raises(NoReward, match="has a pool"):
        ask(cast, one)
    fund(100)
    with pytest.raises(RewardBeyondThePool, match="holds 100 points"):
        ask(cast, one, points=101)
    reward = ask(cast, one, points=100)
    other = adopted(cast, cast.bob)
    decide(cast, ask(cast, other, points=60))
    with pytest.raises(RewardBeyondThePool, match="holds 40 points"):
        decide(cast, reward)
    reward.refresh_from_db()
    assert (reward.state, reward.approver) == (RewardState.WAITING, None), "the decision is undone with the deed"


def test_only_an_adopted_idea_of_somebody_with_an_account_is_rewarded(cast: Cast) -> None:
    fund()
    one = proposal(cast.alice, at=AT)
    with pytest.raises(NoReward, match="not been adopted"):
        ask(cast, one)
    written = adopted(cast)
    proposals.ProposalContact.objects.filter(proposal=written).update(person=None)
    with pytest.raises(NoReward, match="no personal account"):
        ask(cast, written)


@pytest.mark.parametrize("points", [0, -5, MOST_REWARD_POINTS + 1, True, 1.5])
def test_points_are_a_whole_number_within_the_limit(cast: Cast, points: object) -> None:
    with pytest.raises(InvalidInput):
        ask(cast, adopted(cast), points=points)


def test_a_refused_form_keeps_what_was_typed(cast: Cast) -> None:
    one = adopted(cast)
    fund(10)
    answer = visit(cast.city_officer).post(
        f"/staff/proposals/{one.number}/reward/ask", {"points": "11", "reason": "首创并已试行"}
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="11"' in page
    assert "首创并已试行" in page
    assert "现有 10 碳币" in page


def test_points_beyond_the_limit_are_refused_with_what_to_do(cast: Cast) -> None:
    one = adopted(cast)
    for typed in ("", "0", "99999", "两百"):
        answer = visit(cast.city_officer).post(
            f"/staff/proposals/{one.number}/reward/ask", {"points": typed, "reason": rewards.WHY}
        )
        assert f"请填 1 至 {MOST_REWARD_POINTS} 之间的整数" in answer.content.decode(), typed


def test_a_paid_reward_stays_and_verify_names_what_does_not_fit(own_database: str, as_role: Callable[..., Any]) -> None:
    cast = build_cast()
    one = adopted(cast)
    fund()
    reward = decide(cast, ask(cast, one))
    with pytest.raises(DatabaseError, match="paid_stays"), transaction.atomic():
        ProposalReward.objects.filter(pk=reward.pk).update(points=1)
    (check,) = CHECKS
    connection = as_role(paths.SUPERUSER)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(check.sql)
        assert cursor.fetchall() == []
        for corruption in (
            "UPDATE credits_proposalreward SET points = points + 1",
            "UPDATE credits_proposalreward SET entry = gen_random_uuid()",
            "DELETE FROM credits_proposalreward",
            "UPDATE credits_proposalreward SET approver = gen_random_uuid()",
            "DELETE FROM kernel_approval WHERE kind = 'proposal.reward'",
        ):
            cursor.execute("SAVEPOINT sound")
            cursor.execute(corruption)
            cursor.execute(check.sql)
            assert {row[0] for row in cursor.fetchall()} == {f"proposal:{one.number}"}, corruption
            cursor.execute("ROLLBACK TO SAVEPOINT sound")
    connection.rollback()
