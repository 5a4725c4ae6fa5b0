"""How proposals are shown: words covered where they name people, terms in words, steps as a timeline."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from carbon_portal.kernel import regions
from carbon_portal.kernel.templatetags.portal import local_date, local_datetime
from carbon_portal.kernel.workdays import overdue_days
from methodologies.constants import OPEN_PROPOSALS, ProposalChannel, ProposalState
from methodologies.models import Proposal
from methodologies.selectors import proposals as selectors

_PILLS = {
    ProposalState.RECEIVED: "info",
    ProposalState.IN_STUDY: "wait",
    ProposalState.MERGED: "",
    ProposalState.ADOPTED: "ok",
    ProposalState.DECLINED: "",
}
_QUESTIONS = ("why", "proof", "who", "risk")


def overdue(proposal: Proposal, today: dt.date) -> int:
    """Working days by which the term of the present state has run out; 0 while it runs or once there is an outcome."""
    if proposal.state not in OPEN_PROPOSALS:
        return 0
    late = overdue_days(proposal.answer_due_on, today)
    return max(late, overdue_days(proposal.accept_due_on, today) if proposal.state == ProposalState.RECEIVED else 0)


def title(proposal: Proposal, *, own: bool = False) -> str:
    """The first answer, where it may be read."""
    if own:
        return proposal.what
    return selectors.without_personal_data(proposal.what) if proposal.shown_at else _("原文核对后公开")


def row(proposal: Proposal, today: dt.date, *, own: bool = False, desk: bool = False) -> dict[str, Any]:
    """A line of a list."""
    late = overdue(proposal, today)
    state = ProposalState(proposal.state)
    supporters = getattr(proposal, "supporters", 0)
    sub = [proposal.number, local_date(proposal.received_on)]
    if supporters:
        sub.append(_("%(n)s 人支持") % {"n": supporters})
    if desk:
        sub.append(str(ProposalChannel(proposal.channel).label))
        sub.append(area_name(proposal))
    name = "methodologies:proposal-desk" if desk else "methodologies:proposal"
    return {
        "title": title(proposal, own=own or desk),
        "href": reverse(name, args=[proposal.number]),
        "sub": " · ".join(sub),
        "pill": _("已超期 %(n)s 天") % {"n": late} if late else state.label,
        "pill_kind": "no" if late else _PILLS[state],
    }


def filters(active: str, q: str) -> list[dict[str, Any]]:
    """The switches above the list."""
    choices = [(_("全部"), ""), *((str(state.label), state.value) for state in ProposalState), (_("已超期"), "overdue")]
    found = []
    for label, value in choices:
        query = urlencode({name: text for name, text in (("q", q), ("state", value)) if text})
        href = reverse("methodologies:proposals") + (f"?{query}" if query else "")
        found.append({"label": label, "href": href, "active": value == active})
    return found


def area_name(proposal: Proposal) -> str:
    """Who looks after it."""
    area = regions.find(proposal.region)
    if area is None:
        return proposal.region
    return area.name_en if (get_language() or "").startswith("en") else area.name


def page(proposal: Proposal, *, today: dt.date, own: bool, desk: bool = False) -> dict[str, Any]:
    """Everything a status page shows of one proposal."""
    readable = own or desk or proposal.shown_at is not None
    as_it_is = own or desk
    labels = {
        "why": _("现在怎么做，省在哪里"),
        "proof": _("怎么知道有人做了、做了多少"),
        "who": _("哪些人能参加"),
        "risk": _("可能的难处"),
    }
    texts = [(labels[name], getattr(proposal, name)) for name in _QUESTIONS if getattr(proposal, name)]
    late = overdue(proposal, today)
    kept = proposal.merged_into
    return {
        "proposal": proposal,
        "title": title(proposal, own=as_it_is),
        "readable": readable,
        "own": own,
        "texts": [
            {"label": label, "text": text if as_it_is else selectors.without_personal_data(text)}
            for label, text in texts
        ]
        if readable
        else [],
        "late": late,
        "is_open": proposal.state in OPEN_PROPOSALS,
        "state": ProposalState(proposal.state).label,
        "state_kind": _PILLS[ProposalState(proposal.state)],
        "channel": ProposalChannel(proposal.channel).label,
        "area": area_name(proposal),
        "steps": timeline(proposal, late),
        "supporters": getattr(proposal, "supporters", 0),
        "kept": kept,
        "kept_title": title(kept) if kept else "",
        "merged_from": [{"number": one.number, "title": title(one)} for one in proposal.merged_from.order_by("pk")],
        "credit": selectors.credit_of(proposal),
    }


def timeline(proposal: Proposal, late: int) -> list[dict[str, Any]]:
    """The steps so far with their dates, then those to come with their terms."""
    done = [
        {
            "title": str(ProposalState(step.state).label),
            "state": "no" if step.state == ProposalState.DECLINED else "done",
            "time": local_datetime(step.at),
            "text": step.note,
        }
        for step in proposal.steps.order_by("id")
    ]
    if proposal.state not in OPEN_PROPOSALS:
        return done
    to_come = []
    if proposal.state == ProposalState.RECEIVED:
        to_come.append((_("受理研究"), proposal.accept_due_on))
    to_come.append((_("书面答复"), proposal.answer_due_on))
    for number, (label, due_on) in enumerate(to_come):
        text = _("已超期 %(n)s 天") % {"n": late} if number == 0 and late else ""
        done.append(
            {
                "title": label,
                "state": "now" if number == 0 else "todo",
                "time": _("%(day)s 前") % {"day": local_date(due_on)},
                "text": text,
            }
        )
    return done
