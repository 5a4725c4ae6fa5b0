"""What of methods is decided by four eyes, announced to the kernel."""

import datetime as dt
from collections.abc import Iterator

from django.urls import reverse

from accounts.constants import Role
from carbon_portal.kernel import approvals
from carbon_portal.kernel.worklist import WorkItem

from .constants import APPROVE_KIND, VINTAGE_DECIDERS, VINTAGE_KIND, VINTAGE_ROLE, WITHDRAW_KIND


def register() -> None:
    """Announce the kinds; called once per process. The rows are asked when somebody decides, not before."""
    for code, zh, en, content, url in (
        (APPROVE_KIND, "审定方法学", "Approve a method", _content, _url),
        (WITHDRAW_KIND, "停用方法学", "Withdraw a method", _withdrawal_content, _withdrawal_url),
    ):
        approvals.register(
            approvals.Kind(
                code=code,
                title_zh=zh,
                title_en=en,
                initiators=frozenset({Role.PROVINCE_OFFICER.value}),
                deciders=frozenset({Role.PROVINCE_APPROVER.value}),
                content=content,
                url=url,
            )
        )
    approvals.register(
        approvals.Kind(
            code=VINTAGE_KIND,
            title_zh="因子新数值",
            title_en="New value of a factor",
            initiators=frozenset({VINTAGE_ROLE}),
            deciders=VINTAGE_DECIDERS,
            content=_vintage_content,
            url=_vintage_url,
            needed=2,
        )
    )


def _content(subject: str) -> str:
    from .selectors.review import content_of

    return content_of(subject)


def _url(subject: str) -> str:
    code, _, version = subject.removeprefix("methodology:").rpartition("@")
    return reverse("methodologies:review", args=[code, version])


def _withdrawal_content(subject: str) -> str:
    from .services.withdrawals import content_of_withdrawal

    return content_of_withdrawal(subject)


def _withdrawal_url(subject: str) -> str:
    from .models import Withdrawal

    found = Withdrawal.objects.select_related("version").get(uid=subject.removeprefix("withdrawal:"))
    return reverse("methodologies:review", args=[found.version.methodology_id, found.version.version])


def _vintage_content(subject: str) -> str:
    """The hash of what the row says now, not the one that it stores."""
    from .selectors.factors import SUBJECT, open_vintage
    from .services.vintages import content_sha256

    row = open_vintage(subject.removeprefix(SUBJECT))
    return content_sha256(row) if row else ""


def _vintage_url(subject: str) -> str:
    from .selectors.factors import SUBJECT

    return reverse("methodologies:factor-vintage", args=[subject.removeprefix(SUBJECT)])


def work_items(actor: approvals.Actor, at: dt.datetime) -> Iterator[WorkItem]:
    """What of the review waits for this person: the officer's next deed, an expert's word, a department's answer."""
    from .selectors.desk import waiting_for

    for version, stage, kind in waiting_for(actor):
        yield WorkItem(
            title=version.title_zh,
            url=reverse("methodologies:review", args=[version.methodology_id, version.version]),
            due_on=stage.due_on,
            kind=kind,
            region=version.methodology.region,
            opened_at=stage.at,
            lang="zh-Hans",
        )
