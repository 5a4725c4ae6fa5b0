"""What one check of `manage.py verify` is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """A question to the database whose right answer is no row.

    `id` is the number of integrity.md, with a letter where one invariant takes several questions. `sql` is a single
    read-only SELECT; the first column of each row names what is wrong (an id, an address, a table), further columns
    are for people.
    """

    id: str
    title_zh: str
    title_en: str
    sql: str
