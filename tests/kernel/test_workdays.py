"""Terms in working days, with the holidays and the worked weekends of the State Council's orders."""

import datetime as dt

import pytest

from carbon_portal.kernel import workdays

DAY = dt.date


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (DAY(2026, 11, 20), 1, DAY(2026, 11, 23)),  # a Friday: the next working day is Monday
        (DAY(2026, 11, 20), 0, DAY(2026, 11, 20)),
        (DAY(2026, 9, 30), 1, DAY(2026, 10, 8)),  # the national holidays 1 to 7 October
        (DAY(2026, 9, 30), 3, DAY(2026, 10, 10)),  # 10 October is a Saturday that is worked
        (DAY(2026, 2, 13), 1, DAY(2026, 2, 14)),  # so is 14 February, before the Spring Festival
        (DAY(2026, 2, 14), 1, DAY(2026, 2, 24)),
    ],
)
def test_a_term_skips_holidays_and_counts_worked_weekends(start, days, end):
    assert workdays.add_working_days(start, days) == end
    assert workdays.working_days_between(start, end) == days


def test_overdue_days_are_working_days_after_the_last_day():
    due = DAY(2026, 11, 18)
    assert [workdays.overdue_days(due, due + dt.timedelta(days=days)) for days in (-3, 0, 1, 2, 4)] == [0, 0, 1, 2, 2]
    assert workdays.overdue_days(None, due) == 0


def test_a_year_without_an_order_is_counted_by_weekends_and_said_to_be():
    friday = DAY(2099, 1, 2)
    assert not workdays.is_known(friday)
    assert workdays.add_working_days(friday, 1) == DAY(2099, 1, 5)
    assert workdays.is_estimated(friday)
    assert not workdays.is_estimated(DAY(2026, 12, 31))


def test_a_term_has_no_negative_days():
    with pytest.raises(ValueError, match="negative"):
        workdays.add_working_days(DAY(2026, 11, 20), -1)
