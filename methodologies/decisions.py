"""What of methods is decided by four eyes, announced to the kernel."""

from django.urls import reverse

from accounts.constants import Role
from carbon_portal.kernel import approvals

from .constants import APPROVE_KIND, WITHDRAW_KIND


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
