"""B8: any order of deeds, compared with a model in plain dictionaries after each; and proof that it sees faults.

STATEFUL_EXAMPLES, STATEFUL_SEEDED, STATEFUL_STEPS and STATEFUL_SEED set sizes and seed of a longer run.
"""

import os
import random
import statistics
import sys

import pytest
from hypothesis import HealthCheck, Phase, core, settings
from hypothesis.stateful import run_state_machine_as_test

from behaviors.models import DeedKey
from tests.stateful.machine import Portal, seen, spent, wanted

pytestmark = pytest.mark.slow


def settle(examples: int, steps: int, *, derandomize: bool, shrink: bool = True) -> settings:
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    return settings(
        max_examples=examples, stateful_step_count=steps, derandomize=derandomize, deadline=None, database=None,
        print_blob=True, phases=phases, suppress_health_check=list(HealthCheck), report_multiple_bugs=shrink,
    )  # fmt: skip


@pytest.mark.django_db
def test_the_portal_behaves_like_its_model() -> None:
    """150 × 40 that are the same each time."""
    examples, steps = wanted("STATEFUL_EXAMPLES", 150), wanted("STATEFUL_STEPS", 40)
    Portal.prepare()
    run_state_machine_as_test(Portal, settings=settle(examples, steps, derandomize=True))
    told = ", ".join(f"{name} {count}" for name, count in sorted(seen.items()))
    sys.stdout.write(f"{told}; the checks within took {1000 * statistics.median(spent):.1f} ms at the median\n")
    if examples < 150:
        return  # too few to reach everything
    for name in ("taken", "quantified", "replayed", "expired", "reversed", "imported", "stored:duplicate"):
        assert seen[name], f"no example reached: {name}"


@pytest.mark.django_db
def test_the_portal_behaves_like_its_model_from_a_new_seed(monkeypatch) -> None:
    """A few that are new each time; the seed is printed and can be given back."""
    seed = int(os.environ.get("STATEFUL_SEED") or random.randrange(2**32))
    sys.stdout.write(f"STATEFUL_SEED={seed}\n")
    monkeypatch.setattr(core, "global_force_seed", seed)
    Portal.prepare()
    examples, steps = wanted("STATEFUL_SEEDED", 10), wanted("STATEFUL_STEPS", 40)
    run_state_machine_as_test(Portal, settings=settle(examples, steps, derandomize=False))


#: (table, verb, by what it must be found: a check of `verify`, the comparison with the model, or the product itself,
#: alone or with a file)
LOST_WRITES = {
    "a used limit is forgotten": ("credits_limitusage", "UPDATE", "'V43b'"),
    "grams of an accrual are forgotten": ("credits_pointsaccrual", "UPDATE", "^(accruals|points): the product has"),
    "a piece of stock is forgotten": ("merchants_offerslot", "UPDATE", r"^the product refuses \(sold_out\), the model"),
    "the number of a deed is forgotten": (
        "behaviors_deedkey",
        "INSERT",
        "^of a file of . rows 0 were stored|^DeedKey matching query",
    ),
}


@pytest.mark.parametrize("fault", LOST_WRITES)
def test_a_write_that_gets_lost_is_found(fault, own_database, as_role) -> None:
    """The machine can fail: each of these is a way in which a write is skipped without an error."""
    table, verb, found_by = LOST_WRITES[fault]
    Portal.prepare()
    owner = as_role("portal_owner")
    with owner.cursor() as cursor:
        cursor.execute("CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        cursor.execute(f"CREATE TRIGGER aaa_lose BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION lose()")
    owner.commit()
    with pytest.raises((AssertionError, DeedKey.DoesNotExist), match=found_by):
        run_state_machine_as_test(Portal, settings=settle(60, 40, derandomize=True, shrink=False))
