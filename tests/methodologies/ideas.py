"""Ideas of citizens for tests, sent through the services."""

import datetime as dt
import uuid
from typing import Any

from accounts.models import User
from methodologies.constants import CreditAs
from methodologies.models import Proposal
from methodologies.services import proposals
from tests.people import person_of

LUNCHBOX = proposals.Answers(
    what="自带饭盒打包",
    why="现在一份外卖要用两个塑料盒，自带以后就不用了。",
    proof="店里收银时扫码，小票上写“自带”。",
    who="公司楼下吃午饭的人，一天几百位。",
    risk="有人可能带了盒又要塑料盒。",
)


def proposal(
    user: User,
    *,
    at: dt.datetime,
    answers: proposals.Answers = LUNCHBOX,
    credit: proposals.Credit | None = None,
    key: str = "",
) -> Proposal:
    """One of this person's."""
    return proposals.submit_proposal(
        person=person_of(user),
        answers=answers,
        credit=credit or proposals.Credit(CreditAs.NOBODY),
        request_key=key or uuid.uuid4().hex,
        at=at,
    )


def form(**changes: Any) -> dict[str, str]:
    """What the page of five questions sends."""
    return {
        "key": uuid.uuid4().hex,
        **{name: getattr(LUNCHBOX, name) for name in ("what", "why", "proof", "who", "risk")},
        "credit_as": "nobody",
        "credit_name": "",
        **changes,
    }
