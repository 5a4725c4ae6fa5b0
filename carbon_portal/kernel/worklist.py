"""What waits for somebody (待办): requests that they may decide, and whatever apps add to it, due first."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from . import approvals, clock, workdays
from .approvals import Actor, kind_of

Source = Callable[[Actor, dt.datetime], Iterable["WorkItem"]]
#: More than anybody works through in a day; the page says when there are more.
LIMIT = 200


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing to do. `kind` is a short label in the reader's language; `lang` marks a title in another one."""

    title: str
    url: str
    due_on: dt.date | None
    kind: str
    region: str
    opened_at: dt.datetime
    lang: str = ""

    def overdue_days(self, today: dt.date) -> int:
        """Working days past the term, 0 while it runs."""
        return workdays.overdue_days(self.due_on, today)


_sources: list[Source] = []


def register(source: Source) -> Source:
    """Add a source of work items, once per process (`AppConfig.ready`). It asks only for what the actor may do."""
    if source not in _sources:
        _sources.append(source)
    return source


def items(actor: Actor, *, at: dt.datetime | None = None) -> list[WorkItem]:
    """Everything that waits for this person, due first, then the oldest; what has no date comes last."""
    now = at or clock.now()
    found = [*_decisions(actor, now)]
    for source in _sources:
        found += source(actor, now)
    return sorted(found, key=lambda one: (one.due_on is None, one.due_on or dt.date.max, one.opened_at))


def _decisions(actor: Actor, at: dt.datetime) -> Iterable[WorkItem]:
    english = (get_language() or "").startswith("en")
    for request in approvals.open_for(actor, at=at):
        kind = kind_of(request.kind)
        translated = english and bool(request.title_en)
        yield WorkItem(
            title=request.title_en if translated else request.title,
            url=kind.url(request.subject),
            due_on=request.due_on,
            kind=kind.title(get_language()),
            region=request.region,
            opened_at=request.opened_at,
            lang="zh-Hans" if english and not translated else "",
        )


def due_words(due_on: dt.date | None, today: dt.date) -> str:
    """How much of a term is left, in words: what a list and a public page say alike."""
    if due_on is None:
        return _("没有期限")
    late = workdays.overdue_days(due_on, today)
    if late:
        return ngettext("期限已过 %(days)s 个工作日", "期限已过 %(days)s 个工作日", late) % {"days": late}
    left = workdays.working_days_between(today, due_on)
    if left:
        return ngettext("还有 %(days)s 个工作日", "还有 %(days)s 个工作日", left) % {"days": left}
    return _("今天到期") if due_on >= today else _("期限刚过")
