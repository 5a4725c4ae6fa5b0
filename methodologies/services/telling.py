"""Text messages to those who proposed something: their number, and that there is an answer."""

import datetime as dt
import logging

from django.db.models import Q

from accounts.errors import SmsUnavailable
from accounts.models import User
from accounts.sms import gateway
from carbon_portal.kernel import clock
from methodologies.constants import ProposalState
from methodologies.models import ProposalContact

log = logging.getLogger(__name__)
_AWAKE = range(8, 21)
_NUMBER = "您的建议已登记，编号 {number}。凭编号可在网站“公众建议”里查看办理进度。"
_ANSWER = "您的建议 {number} 已有书面答复，可在网站“公众建议”里查看。"


def tell_proposers(*, at: dt.datetime) -> int:
    """Send what waits, each once; how many were sent. Answers wait for the morning (quiet from 21:00 to 8:00).

    A row is claimed before anything is sent and given back when the operator does not take it.
    """
    sent = _tell("number_told_at", _NUMBER, Q(phone__gt="") | Q(person__isnull=False), at)
    if at.astimezone(clock.LOCAL_ZONE).hour in _AWAKE:
        closed = Q(proposal__state__in=[ProposalState.ADOPTED, ProposalState.DECLINED])
        sent += _tell("answer_told_at", _ANSWER, closed, at)
    return sent


def _tell(column: str, text: str, due: Q, at: dt.datetime) -> int:
    sent = 0
    waiting = ProposalContact.objects.filter(due, **{f"{column}__isnull": True}).select_related("proposal")
    for contact in waiting.order_by("pk")[:500]:
        if ProposalContact.objects.filter(pk=contact.pk, **{f"{column}__isnull": True}).update(**{column: at}) != 1:
            continue  # another worker was first
        phone = contact.phone or _phone_of(contact)
        if not phone:
            continue
        try:
            gateway().send(phone=phone, text=text.format(number=contact.proposal.number))
        except SmsUnavailable:
            ProposalContact.objects.filter(pk=contact.pk).update(**{column: None})
            log.warning("no text message taken; %s of %s waits", column, contact.proposal.number)
            break
        sent += 1
    return sent


def _phone_of(contact: ProposalContact) -> str:
    if contact.person is None:
        return ""
    logins = User.objects.filter(person_id=contact.person, phone__isnull=False, is_active=True)
    return logins.order_by("pk").values_list("phone", flat=True).first() or ""
