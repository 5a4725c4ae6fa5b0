"""What one check of `manage.py verify` is."""

from dataclasses import dataclass
from typing import Literal

# Which part of the books a check can be asked about alone (`scope.py`); "whole" is asked about all or not at all.
Scope = Literal["whole", "records", "participants", "days", "entries", "accounts", "holds", "vouchers"]


@dataclass(frozen=True, slots=True)
class Check:
    """A question to the database whose right answer is no row.

    `id` is the number of integrity.md, with a letter where one invariant takes several questions. `sql` is a single
    read-only SELECT; the first column of each row names what is wrong (an id, an address, a table), further columns
    are for people. It names tables without a schema, so that the same question can be asked about a part of them.
    """

    id: str
    title_zh: str
    title_en: str
    sql: str
    scope: Scope = "whole"
