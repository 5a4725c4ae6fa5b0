"""The steps that a method of the demo walks, each by whoever does it, on its day; all through the services."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from accounts import selectors as accounts
from accounts.models import Person, User
from methodologies import services
from methodologies.constants import CHECKLIST
from methodologies.drafting.text import change
from methodologies.models import Draft, JointRequest, MethodologyVersion
from methodologies.services import drafts, forwarding

EXPERTS = ("expert-1", "expert-2", "expert-3")
#: Days from the forwarding of a text to each step; those between answers and comments are the departments' term.
ACCEPTED, INVITED, ASKED, ANSWERED, COMMENTED = 2, 5, 8, 10, 32


def person_of(username: str) -> Person:
    """Whoever logs in by this name."""
    person = User.objects.select_related("person").get(username=username).person
    assert person is not None
    return person


def uuid_of(username: str) -> uuid.UUID:
    return person_of(username).pk


def save(draft: Draft, said: Mapping[str, Any], *, by: str, at: dt.datetime, note: str = "") -> Draft:
    """Save the draft so that it says this too."""
    text = change(draft.source, dict(said))
    return drafts.save_draft(
        draft=draft, person=uuid_of(by), source=text, revision=draft.revision, at=at, note=note
    )  # fmt: skip


def forward(draft: Draft, *, author: str, decider: str, at: dt.datetime, note: str = "") -> MethodologyVersion:
    """One asks, the other forwards."""
    asking, deciding = (accounts.actor_of(User.objects.get(username=name), at=at) for name in (author, decider))
    forwarding.ask_to_forward(draft=draft, actor=asking, shown_sha256=draft.sha256, at=at)
    return forwarding.forward_draft(draft=draft, actor=deciding, shown_sha256=draft.sha256, at=at, note=note)


def walk_to_comments(version: MethodologyVersion, *, forwarded: dt.datetime, conflict: str = "") -> None:
    """Accepted, reviewed by three, one of whom may have a conflict, signed by who answered, open for comment."""
    officer, shown = uuid_of("gd-officer"), version.sha256

    def after(days: int) -> dt.datetime:
        return forwarded + dt.timedelta(days=days)

    services.check_completeness(
        version=version, person=officer, shown_sha256=shown, checklist=dict.fromkeys(CHECKLIST, True), accept=True,
        at=after(ACCEPTED),
    )  # fmt: skip
    experts = [person_of(name) for name in EXPERTS]
    services.invite_experts(version=version, person=officer, shown_sha256=shown, experts=experts, at=after(INVITED))
    for number, expert in enumerate(experts):
        _review(version, expert, number, conflict=conflict if number == 2 else "", at=after(INVITED))
    services.ask_departments(version=version, person=officer, shown_sha256=shown, at=after(ASKED))
    # The others stay silent, which is written down as silence when their term is over.
    for request in JointRequest.objects.filter(stage__version=version, stage__at=after(ASKED), department="ecology"):
        services.answer_jointly(
            request=request, person=person_of("ecology"), shown_sha256=shown, verdict="agree", at=after(ANSWERED)
        )
    services.open_comments(version=version, person=officer, shown_sha256=shown, at=after(COMMENTED))


def _review(version: MethodologyVersion, expert: Person, number: int, *, conflict: str, at: dt.datetime) -> None:
    services.declare_interest(
        version=version, person=expert.pk, conflicted=bool(conflict), statement=conflict, at=at
    )  # fmt: skip
    services.give_opinion(
        version=version, person=expert.pk, shown_sha256=version.sha256, verdict="changes" if number == 1 else "agree",
        text="数据可得，公式可复算；建议写明定位误差。" if number == 1 else "数据可得，公式可复算。", at=at,
    )  # fmt: skip
