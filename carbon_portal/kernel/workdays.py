"""Working days of the mainland: weekends, public holidays, and the weekend days that are worked instead (调休).

The State Council orders a year's holidays in the autumn before; `chinese_calendar` carries every order since 2004. A
year that it does not know yet is counted by weekends alone, and `is_estimated` says so, for a page to tell.
"""

import datetime as dt

import chinese_calendar

_WEEKEND = 5  # Saturday


def is_known(day: dt.date) -> bool:
    """Whether the holidays of this day's year have been ordered, as far as this installation knows."""
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True


def is_working_day(day: dt.date) -> bool:
    """Whether offices work on this day."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < _WEEKEND


def add_working_days(start: dt.date, n: int) -> dt.date:
    """The `n`-th working day after `start`; the day itself does not count, as in law. `n` is not negative."""
    if n < 0:
        raise ValueError("a term has no negative days")
    day = start
    while n:
        day += dt.timedelta(days=1)
        n -= is_working_day(day)
    return day


def working_days_between(a: dt.date, b: dt.date) -> int:
    """How many working days lie after `a`, up to and with `b`; 0 where `b` is not later."""
    return sum(is_working_day(a + dt.timedelta(days=number)) for number in range(1, (b - a).days + 1))


def overdue_days(due_on: dt.date | None, today: dt.date) -> int:
    """Working days by which a term has run out; 0 while it runs, or where there is none."""
    return 0 if due_on is None else working_days_between(due_on, today)


def is_estimated(due_on: dt.date) -> bool:
    """Whether a term ends in a year whose holidays nobody has ordered yet: the date may move."""
    return not is_known(due_on)
