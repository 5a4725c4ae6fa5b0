"""Where a version stands on its way to the province, for everybody to see."""

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext as _

from carbon_portal.kernel import clock, workdays
from methodologies.constants import (
    DECISION_WORKING_DAYS,
    FROZEN_STATES,
    WORKING_DAYS,
    StageState,
)
from methodologies.models import MethodologyVersion, Stage

DONE, UNDER_WAY, WAITING = "done", "under_way", "waiting"


@dataclass(frozen=True, slots=True)
class Step:
    """One of the eight steps. Days are local; `overdue` counts working days past `due_on` and is 0 in time.

    `estimated` says that the due day lies in a year whose holidays are not ordered yet.
    """

    code: str
    title: str
    state: str
    started_on: dt.date | None = None
    finished_on: dt.date | None = None
    due_on: dt.date | None = None
    overdue: int = 0
    estimated: bool = False
    note: str = ""

    @property
    def done(self) -> bool:
        """Whether the step lies behind."""
        return self.state == DONE

    @property
    def under_way(self) -> bool:
        """Whether this is where the version stands."""
        return self.state == UNDER_WAY


# Entering one of these is the end of the step; entering the others is its beginning.
_MOMENTS = (StageState.SUBMITTED, StageState.IN_REVIEW, StageState.APPROVED, StageState.PUBLISHED)
_ORDER = (
    StageState.DRAFT,
    StageState.SUBMITTED,
    StageState.IN_REVIEW,
    StageState.EXPERT_REVIEW,
    StageState.JOINT_SIGNING,
    StageState.PUBLIC_COMMENT,
    StageState.APPROVED,
    StageState.PUBLISHED,
)


def titles(region: str) -> dict[str, str]:
    """The eight steps by name; a draft of the province starts there, one of a city in its city."""
    city = not region.endswith("0000")
    return {
        StageState.DRAFT: _("市级起草") if city else _("省级起草"),
        StageState.SUBMITTED: _("市级报送") if city else _("省级报送"),
        StageState.IN_REVIEW: _("省级受理"),
        StageState.EXPERT_REVIEW: _("专家论证"),
        StageState.JOINT_SIGNING: _("会签"),
        StageState.PUBLIC_COMMENT: _("公示"),
        StageState.APPROVED: _("审定"),
        StageState.PUBLISHED: _("全省推广"),
    }


def stages(version: MethodologyVersion) -> list[Stage]:
    """Every step it ever entered, oldest first, returns included."""
    return list(Stage.objects.filter(version=version).order_by("id"))


def was_consulted(version: MethodologyVersion) -> bool:
    """Whether the public was asked about it, in this round or an earlier one: then its comments are there to read."""
    return Stage.objects.filter(version=version, state=StageState.PUBLIC_COMMENT).exists()


def status_line(version: MethodologyVersion, *, today: dt.date | None = None) -> list[Step]:
    """The eight steps with dates, the due day of the one under way and by how many working days it is overdue.

    A version that came with the installation walked none of them: the list is empty. One query.
    """
    walked = stages(version)
    if not walked and version.state in FROZEN_STATES:
        return []
    return line_of(version, walked, today or clock.today())


def line_of(version: MethodologyVersion, walked: list[Stage], today: dt.date) -> list[Step]:
    """As `status_line`, from stages that were read already, for lists of many versions."""
    returned = [number for number, stage in enumerate(walked) if stage.state == StageState.RETURNED]
    round_ = walked[returned[-1] + 1 :] if returned else walked
    note = walked[returned[-1]].note if returned and not round_ else ""
    entered = {stage.state: stage for stage in round_}
    here, due_on = _position(entered, today)
    steps = []
    for number, state in enumerate(_ORDER):
        started, finished = _span(version, entered, number)
        due = due_on if number == here else None
        steps.append(
            Step(
                code=state.value,
                title=titles(version.methodology.region)[state],
                state=DONE if number < here else UNDER_WAY if number == here else WAITING,
                started_on=started if number <= here else None,
                finished_on=finished if number < here else None,
                due_on=due,
                overdue=workdays.overdue_days(due, today),
                estimated=due is not None and workdays.is_estimated(due),
                note=note if number == here else "",
            )
        )
    return steps


def _position(entered: dict[str, Stage], today: dt.date) -> tuple[int, dt.date | None]:
    """Which of the eight steps is under way (8: all are done), and its last day."""
    last = max((number for number, state in enumerate(_ORDER) if state in entered), default=0)
    stage = entered.get(_ORDER[last])
    if stage is None:
        return 0, None
    if _ORDER[last] in _MOMENTS:
        return last + 1, stage.due_on
    if _ORDER[last] == StageState.PUBLIC_COMMENT and stage.due_on is not None and today > stage.due_on:
        return last + 1, workdays.add_working_days(stage.due_on, DECISION_WORKING_DAYS)
    return last, stage.due_on


def _span(version: MethodologyVersion, entered: dict[str, Stage], number: int) -> tuple[dt.date | None, dt.date | None]:
    """First and last day of a step. A step that is a moment has one day; another ends where the next one begins."""
    state = _ORDER[number]
    stage = entered.get(state)
    if state in _MOMENTS:
        day = clock.local_date(stage.at) if stage else None
        return day, day
    started = clock.local_date(stage.at) if stage else None
    if state == StageState.DRAFT:
        started = started or clock.local_date(version.created_at)
    later = [entered[after] for after in _ORDER[number + 1 :] if after in entered]
    finished = clock.local_date(later[0].at) if later else None
    if state == StageState.PUBLIC_COMMENT and stage is not None and finished is None:
        finished = stage.due_on
    return started, finished


def due_days(state: StageState) -> int | None:
    """The portal's own term for what follows a step, in working days; None where there is none."""
    return WORKING_DAYS.get(state)
