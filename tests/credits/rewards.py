"""An idea that was adopted, and the wish to reward whoever sent it."""

import datetime as dt

from accounts.models import User
from credits import services
from credits.models import ProposalReward
from methodologies.models import Proposal
from methodologies.services import adoption, proposals
from tests.methodologies.ideas import proposal
from tests.people import person_of

ANSWER = "感谢您的建议，研究后决定采纳，并由市里起草方法学。"
WHY = "首创，已在三家食堂试行"


def adopted(sender: User, *, officer: User, approver: User, at: dt.datetime) -> Proposal:
    """An idea of this person's, taken up by an officer of the city and adopted by an approver."""
    one = proposal(sender, at=at)
    proposals.accept_proposal(proposal=one, actor=person_of(officer), note="", at=at)
    one = adoption.offer_adoption(
        proposal=one, actor=person_of(officer), role="city_officer", answer=ANSWER, methodology=None, at=at
    )
    return adoption.decide_adoption(
        proposal=one, actor=person_of(approver), shown_sha256=adoption.content_of(one), approved=True, note="", at=at
    )


def asked(one: Proposal, *, officer: User, points: int = 300, reason: str = WHY, at: dt.datetime) -> ProposalReward:
    """The wish, waiting for a decision."""
    return services.ask_for_reward(
        proposal=one, actor=person_of(officer), role="city_officer", points=points, reason=reason, at=at
    )
