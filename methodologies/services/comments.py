"""公示: what the public says, and what it is told."""

import datetime as dt
import hashlib
import uuid

from django.db import transaction

from accounts.constants import Role
from accounts.models import Person
from carbon_portal.kernel import audit, clock, regions
from carbon_portal.kernel.errors import InvalidInput
from methodologies.constants import COMMENT_LENGTH, CommentOutcome, StageState
from methodologies.errors import AlreadySaid, CommentsClosed, TooManyComments
from methodologies.models import CommentReply, MethodologyVersion, PublicComment
from methodologies.selectors.review import open_comment_stage

from ._seats import seat
from .acceptance import current_stage, locked_version

COMMENTS_PER_PERSON = 20


@transaction.atomic
def make_comment(
    *, version: MethodologyVersion, person: Person, text: str, name: str = "", at: dt.datetime
) -> PublicComment:
    """A comment with its public number; the same words again are the comment that stands.

    Errors: CommentsClosed, TooManyComments, InvalidInput.
    """
    words = text.strip()
    if not words or len(words) > COMMENT_LENGTH:
        raise InvalidInput(
            reason=f"请写下意见，不超过 {COMMENT_LENGTH} 字。",
            reason_en=f"Write your comment, {COMMENT_LENGTH} characters at most.",
        )
    locked = locked_version(version)
    stage = open_comment_stage(locked, today=clock.local_date(at))
    if stage is None:
        raise CommentsClosed
    digest = hashlib.sha256(words.encode()).hexdigest()
    mine = PublicComment.objects.filter(stage=stage, person=person.uuid)
    known = mine.filter(text_sha256=digest).first()
    if known is not None:
        return known
    if mine.count() >= COMMENTS_PER_PERSON:
        raise TooManyComments(limit=COMMENTS_PER_PERSON)
    made = PublicComment.objects.create(
        stage=stage, person=person.uuid, name=name.strip()[:50], text=words, at=at, content_sha256=locked.sha256,
        text_sha256=digest,
    )  # fmt: skip
    audit.record_event(
        verb="methodology.commented", target=f"methodology:{locked}", actor=person.uuid,
        region=locked.methodology.region, data={"number": made.number},
    )  # fmt: skip
    return made


@transaction.atomic
def reply_to_comment(
    *, comment: PublicComment, person: uuid.UUID, outcome: str, text: str, change: str = "", at: dt.datetime
) -> CommentReply:
    """Answer a comment: what becomes of it and what is changed. Once. Errors: Forbidden, AlreadySaid, InvalidInput."""
    seat(person, (Role.PROVINCE_OFFICER,), region=regions.PROVINCE, at=at)
    version = locked_version(comment.stage.version)
    current_stage(version, StageState.PUBLIC_COMMENT)
    if CommentReply.objects.filter(comment=comment).exists():
        raise AlreadySaid(what="对这条意见的答复", what_en="a reply to this comment")
    if not text.strip():
        raise InvalidInput(reason="请写下答复。", reason_en="Write the reply.")
    if outcome == CommentOutcome.ADOPTED and not change.strip():
        raise InvalidInput(reason="采纳的意见要写明改了什么。", reason_en="An adopted comment names the change.")
    made = CommentReply.objects.create(
        comment=comment, outcome=CommentOutcome(outcome), text=text.strip(), change=change.strip(), person=person, at=at
    )
    audit.record_event(
        verb="methodology.comment_answered", target=f"methodology:{version}", actor=person,
        region=version.methodology.region, data={"number": comment.number, "outcome": str(outcome)},
    )  # fmt: skip
    return made
