"""Further versions of a shipped document, approved by two officers and published without the steps between."""

import datetime as dt
import time
from uuid import UUID, uuid4

from accounts import services as accounts
from accounts.constants import Role
from carbon_portal.kernel import approvals, clock
from credits import services
from credits.models import Recomputation
from credits.services.recomputation import KIND, subject_of
from methodologies.constants import APPROVE_KIND, VersionState
from methodologies.engine import load_document
from methodologies.models import MethodologyVersion
from methodologies.selectors import review
from methodologies.services.library import LIBRARY, plain
from tests.people import person_of

from .cases import AT

CODE = "GD-METRO-TRIP"
_STATES = ("submitted", "in_review", "public_comment", "approved", "published")


def publish(version: str, *changes: tuple[str, str], file: str = CODE, effective_from: str = "2027-01-01"):
    """A version of the shipped text with changes, each of which must fit exactly once."""
    path = LIBRARY / f"{file.lower()}.yaml"
    text = path.read_text(encoding="utf-8")
    first = next(line for line in text.splitlines() if line.startswith("effective_from:"))
    for before, after in (
        ('version: "1.0"', f'version: "{version}"'),
        (first, f"effective_from: {effective_from}"),
        *changes,
    ):
        assert text.count(before) >= 1, before
        text = text.replace(before, after, 1)
    document = load_document(text.encode(), name=path.name)
    made = MethodologyVersion.objects.create(
        methodology_id=document.code, version=version, state="draft", created_at=AT,
        effective_from=document.effective_from, sha256=document.sha256, source=text, document=plain(document),
        title_zh=document.title["zh"], title_en=document.title.get("en", ""), certifiable=document.certifiable,
    )  # fmt: skip
    _approve(made)
    for state in _STATES:
        made.state, made.published_at = state, AT if state == VersionState.PUBLISHED else None
        made.save(update_fields=["state", "published_at"])
    return made


def _approve(version: MethodologyVersion) -> None:
    """Two officers, on exactly this text."""
    request = approvals.open_request(
        kind=APPROVE_KIND, subject=review.subject_of(version), title=version.title_zh, region="440000",
        content_sha256=version.sha256, initiator=officer(), initiator_role=Role.PROVINCE_OFFICER, at=AT,
    )  # fmt: skip
    approvals.decide(
        request=request, actor=officer(Role.PROVINCE_APPROVER), shown_sha256=version.sha256, approved=True, at=AT
    )


def factor(value: str) -> tuple[str, str]:
    """The metro's factor is 46.7 g a kilometre."""
    return ('value: "46.7"', f'value: "{value}"')


def officer(role: str = Role.PROVINCE_OFFICER) -> UUID:
    """Somebody of the province, in office since long ago."""
    name = f"{role}-{uuid4().hex[:8]}"
    user = accounts.register_staff(username=name, password=None, name="郑经办", region="440000", at=AT)
    person = person_of(user)
    accounts.grant_role(person=person, role=role, region="440000", at=AT - dt.timedelta(days=30))
    return person.pk


def advance() -> None:
    while services.advance(at=clock.now(), rounds=50):
        pass


def reach(job: Recomputation, state: str) -> Recomputation:
    """Work until the recomputation is there; a worker of the test's portal may have some of it in hand."""
    end = time.monotonic() + 30
    while True:
        advance()
        job.refresh_from_db()
        if job.state == state:
            return job
        assert time.monotonic() < end, job.state
        time.sleep(0.05)


def begun(version: MethodologyVersion, rule: str, *, actor: UUID | None = None, **choice) -> Recomputation:
    chosen = {
        "first": dt.date(2026, 1, 1), "last": dt.date(2026, 12, 31), "areas": ["440000"],
        "reason": "测算参数经复核后更正", "actor": actor or officer(), "at": AT, **choice,
    }  # fmt: skip
    return services.start_recomputation(version=version, rule=rule, **chosen)


def previewed(version: MethodologyVersion, rule: str, **choice) -> Recomputation:
    return reach(begun(version, rule, **choice), "previewed")


def approved(job: Recomputation) -> Recomputation:
    """Asked for by its initiator, decided by somebody else."""
    services.request_decision(job=job, actor=job.initiator, at=clock.now())
    request = approvals.request_for(KIND, subject_of(job))
    assert request is not None
    return services.decide_recomputation(
        job=job, actor=officer(Role.PROVINCE_APPROVER), shown_sha256=request.content_sha256, approved=True,
        at=clock.now(),
    )  # fmt: skip


def recomputed(version: MethodologyVersion, rule: str, **choice) -> Recomputation:
    """The whole way."""
    return reach(approved(previewed(version, rule, **choice)), "done")
