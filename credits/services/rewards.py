"""Points for whoever sent an idea that was adopted: two people of the staff, a pool that pays, once each (P2.4-d)."""

import datetime as dt
import hashlib
import json
from uuid import UUID

from django.db import transaction

from accounts.models import Participant, Person
from carbon_portal.kernel import approvals, audit, clock
from carbon_portal.kernel.errors import InvalidInput, NotFound
from credits.constants import MOST_REWARD_POINTS, RewardState
from credits.errors import NoReward, RewardBeyondThePool
from credits.ledger import addresses
from credits.ledger import selectors as ledger_selectors
from credits.ledger import services as ledger
from credits.ledger.constants import Kind
from credits.ledger.errors import AccountShort
from credits.models import FundedPool, ProposalReward
from methodologies.constants import ProposalState
from methodologies.models import Proposal, ProposalContact

from .points import open_pools, pool_of

KIND = "proposal.reward"


def paying_pool(proposal: Proposal) -> FundedPool | None:
    """The open pool that would pay: of the area that looks after the idea, else the province's."""
    return pool_of(proposal.region, open_pools())


def ask_for_reward(
    *, proposal: Proposal, actor: Person, role: str, points: int, reason: str, at: dt.datetime
) -> ProposalReward:
    """Ask for points for the sender, also again after a return. `role` is the actor's that counts for the area.

    Errors: InvalidInput, NoReward, RewardBeyondThePool, and the refusals of kernel.approvals.
    """
    if isinstance(points, bool) or not isinstance(points, int) or not 1 <= points <= MOST_REWARD_POINTS:
        raise InvalidInput(
            reason=f"碳币须为 1 至 {MOST_REWARD_POINTS} 之间的整数",
            reason_en=f"Give a whole number of points from 1 to {MOST_REWARD_POINTS}",
        )
    if not 4 <= len(reason.strip()) <= 300:
        raise InvalidInput(reason="请用 4 至 300 字说明理由", reason_en="Say why in 4 to 300 characters")
    with transaction.atomic():
        idea = Proposal.objects.select_for_update().get(pk=proposal.pk)
        if idea.state != ProposalState.ADOPTED:
            raise NoReward(why="这条建议没有被采纳", why_en="This proposal has not been adopted")
        (person, account), pool = _sender_of(idea), paying_pool(idea)
        if pool is None:
            raise NoReward(why="本地区和全省都没有碳币池", why_en="Neither the area nor the province has a pool")
        left = ledger_selectors.pool_balance(pool.uuid)
        if left < points:
            raise RewardBeyondThePool(points=points, left=left)
        wish = {
            "participant": account, "pool": pool, "points": points, "reason": reason.strip(),
            "state": RewardState.WAITING, "initiator": actor.pk, "asked_at": at, "approver": None,
        }  # fmt: skip
        row = ProposalReward.objects.select_for_update().filter(proposal=idea).first()
        if row is not None and row.state == RewardState.PAID:
            raise NoReward(why="这条建议已经奖励过", why_en="This proposal has been rewarded already")
        row, _made = ProposalReward.objects.update_or_create(proposal=idea, defaults=wish)
        approvals.open_request(
            kind=KIND, subject=subject_of(row), title=f"奖励建议 {idea.number}：{points} 碳币",
            title_en=f"Reward proposal {idea.number}: {points} points", region=idea.region,
            content_sha256=content_of(row), initiator=actor.pk, initiator_role=role, barred=[person], at=at,
        )  # fmt: skip
    return row


def decide_reward(
    *, reward: ProposalReward, actor: Person, shown_sha256: str, approved: bool, note: str, at: dt.datetime
) -> ProposalReward:
    """Another person's decision about exactly what was shown; agreed, the pool pays in the same transaction.

    Errors: NoReward, RewardBeyondThePool, and the refusals of kernel.approvals.
    """
    with approvals.void_on_change():
        row = ProposalReward.objects.select_for_update(of=("self",)).select_related("proposal", "participant", "pool")
        mine = row.get(pk=reward.pk)
        request = approvals.request_for(KIND, subject_of(mine))
        if request is None:
            raise NotFound
        approvals.decide(
            request=request, actor=actor.pk, shown_sha256=shown_sha256, approved=approved, note=note, at=at
        )
        mine.approver = actor.pk
        if approved:
            _pay(mine, at)
        else:
            mine.state = RewardState.RETURNED
        mine.save(update_fields=["approver", "state", "paid_at", "entry"])
    return mine


def _pay(reward: ProposalReward, at: dt.datetime) -> None:
    if not reward.participant.is_active:
        raise NoReward(why="提出人的账户已经停用", why_en="The sender's account is closed")
    year = clock.local_date(at).year
    try:
        posting = ledger.draw(
            key=f"reward:{reward.proposal.number}", kind=Kind.BONUS, pool_uid=reward.pool.uuid,
            awards=[(addresses.participant_points(reward.participant.pk, year), reward.points)], at=at,
            source=source_of(reward.proposal),
        )  # fmt: skip
    except AccountShort as error:
        left = ledger_selectors.pool_balance(reward.pool.uuid)
        raise RewardBeyondThePool(points=reward.points, left=left) from error
    reward.state, reward.paid_at, reward.entry = RewardState.PAID, at, posting.uid
    audit.record_event(
        verb="proposal.rewarded", target=f"proposal:{reward.proposal.number}", actor=reward.approver,
        region=reward.proposal.region,
        data={"points": reward.points, "pool": str(reward.pool.uuid), "entry": str(posting.uid)},
    )  # fmt: skip


def _sender_of(proposal: Proposal) -> tuple[UUID, Participant]:
    """The person and the account of whoever sent the idea by themselves; letters and calls name nobody who has one."""
    contact = ProposalContact.objects.filter(proposal=proposal, person__isnull=False).first()
    person = contact.person if contact else None
    account = Participant.objects.filter(person=person, is_active=True).first() if person else None
    if person is None or account is None:
        raise NoReward(
            why="提出人没有个人碳账户，不能发放碳币", why_en="The sender has no personal account to pay points into"
        )
    return person, account


def source_of(proposal: Proposal) -> str:
    """What the ledger's entry names."""
    return f"proposal:{proposal.number}"


def subject_of(reward: ProposalReward) -> str:
    """What the approval is about."""
    return f"reward:{reward.uuid}"


def of_subject(subject: str) -> ProposalReward:
    """The reward of an approval."""
    found = ProposalReward.objects.select_related("proposal").filter(uuid=subject.removeprefix("reward:")).first()
    if found is None:
        raise NotFound
    return found


def content_of(reward: ProposalReward) -> str:
    """SHA-256 of what is approved: which idea, whose account, out of which pool, how many points, why."""
    bound = {
        "number": reward.proposal.number, "participant": str(reward.participant_id), "pool": str(reward.pool.uuid),
        "points": reward.points, "reason": reward.reason,
    }  # fmt: skip
    text = json.dumps(bound, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
