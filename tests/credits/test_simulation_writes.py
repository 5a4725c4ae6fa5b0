"""Over a whole run, table by table: who was written."""

from django.db import connection

from carbon_portal.kernel import clock
from credits import services
from methodologies.models import MethodologyVersion

from .cases import AT, ON, prepare, records, resident


def tables() -> dict[str, tuple[int, int]]:
    """Rows and the youngest transaction of every table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        )
        found = {}
        for (name,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*), coalesce(max(xmin::text::bigint), 0) FROM "{name}"')
            found[name] = cursor.fetchone()
    return found


def test_a_run_writes_its_own_row_and_no_other(own_database) -> None:
    prepare()
    people = [resident() for _ in range(7)]
    records(*[{"participant": one, "evidence": "feed"} for one in people])
    services.quantify_pending(at=AT)
    source = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP").source
    made = services.start_simulation(source=source, region="440000", first=ON, last=ON, by=None, at=clock.now())
    before = tables()
    assert services.run_simulation(pk=made.pk)
    after = tables()
    assert {name for name in after if after[name] != before[name]} == {"credits_simulation"}
    assert before["credits_simulation"][0] == after["credits_simulation"][0] == 1
