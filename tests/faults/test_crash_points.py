"""B9: real processes die by SIGKILL at each named point (integrity 1.5); nothing is lost, nothing counted twice.

The point strikes itself out as it kills: whoever takes the work up again gets through. A killed child is replaced by
its parent, gunicorn or Celery, as in production; tests/credits kills whole groups.
"""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client as Browser

from behaviors.models import BehaviorRecord, Evidence, IntakeBatch
from carbon_portal.kernel import clock
from carbon_portal.kernel.services import paths
from carbon_portal.kernel.services.paths import BASE_DIR
from credits import services
from credits.ledger import addresses
from credits.ledger.selectors import balance, spendable_points
from merchants import codes
from merchants.models import Voucher
from tests import portal
from tests.behaviors.cast import picture, provider
from tests.concurrency.crowd import CAPTURES, VOUCHERS, Answer, Client, clients
from tests.credits.cases import prepare
from tests.faults import world
from tests.merchants.world import build_exchange, give_bonus, in_stock
from tests.people import build_cast, personal_account

pytestmark = pytest.mark.slow

WORKER_POINTS: dict[str, Callable[[], world.Work]] = {
    "task:received": world.quantification,
    "quantify:claimed": world.quantification,
    "quantify:computed": world.quantification,
    "quantify:middle": world.quantification,
    "quantify:written": world.quantification,
    "quantify:committed": world.quantification,
    "task:done": world.quantification,
    "simulate:claimed": world.simulation,
    "simulate:computed": world.simulation,
    "windows:awarded": world.closing,
    "undo:written": world.undoing,
    "queue:paid": world.queue,
    "expiry:chunk": world.expiry,
    "recompute:previewed": world.previewing,
    "recompute:middle": world.recomputing,
    "recompute:written": world.recomputing,
    "recompute:committed": world.recomputing,
}
SERVER_POINTS = ("dispatch:committed", "evidence:stored", "vouchers:held", "vouchers:captured")
COMMAND_POINTS = ("import:chunk", "migrate:grants")


@pytest.fixture
def armed(tmp_path) -> world.Armed:
    file = world.Armed(tmp_path / "points")
    file.arm("")
    return file


def test_a_worker_that_dies_at_any_point_loses_and_doubles_nothing(portal_processes, armed, subtests) -> None:
    prepare()
    portal_processes.start_worker(CRASH_POINTS=str(armed.file))
    for point, work in WORKER_POINTS.items():
        with subtests.test(point):
            world.survives(portal_processes, armed, point, work())


class Still:
    """Instead of a portal: what is waited for is so already, or never."""

    processes: tuple[None] = (None,)

    def wait_until(self, condition: Callable[[], bool], what: str, *_more: object) -> None:
        assert condition(), what


def test_a_death_that_lost_or_doubled_something_is_seen(own_database, as_role, armed) -> None:
    """Work whose second half is missing, and work that ends well but for a balance that was written twice."""
    prepare()

    def die_with_a_balance_written_twice() -> None:
        armed.arm("")
        books = as_role(paths.SUPERUSER)
        books.cursor().execute("UPDATE ledger_ledgeraccount SET balance = 2 * balance WHERE bounded AND balance > 0")
        books.commit()

    still: Any = Still()
    with pytest.raises(AssertionError, match="the end of the work"):
        world.survives(still, armed, "planted", world.Work(lambda: armed.arm(""), lambda: False))
    with pytest.raises(AssertionError, match="V3"):
        world.survives(still, armed, "planted", world.Work(die_with_a_balance_written_twice, lambda: True))


def test_what_two_schedulers_send_at_once_is_done_once(portal_processes) -> None:
    """1.5, number 12: every entry of the schedule twice, to two processes, with work of each kind waiting."""
    prepare()
    found = [make() for make in (
        world.closing, world.undoing, world.queue, world.expiry, world.recomputing, world.quantification,
    )]  # fmt: skip
    portal_processes.start_worker(concurrency=2)
    for work in found:
        work.begin()
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        for _ in range(2):
            world.send(entry["task"])()
    for work in found:
        portal_processes.wait_until(work.done, "the end of the work", portal_processes.processes[-1])
    assert world.violations() == {}


# -- the server --------------------------------------------------------------------------------------------------------


def test_a_server_process_that_dies_answers_the_same_request_once(portal_processes, armed, subtests) -> None:
    prepare()
    cast = build_cast()
    shop = build_exchange(cast, at=clock.now() - world.dt.timedelta(days=2))
    give_bonus(cast.alice_account, 100, at=clock.now(), year=clock.today().year)
    portal_processes.start_web(CRASH_POINTS=str(armed.file))
    device = clients(portal_processes.port, cast.alice)[0]
    till = clients(portal_processes.port, shop.tills[0])[0]
    done: set[str] = set()

    def killed_and_sent_again(point: str, ask: Callable[[], Answer], good: tuple[int, ...]) -> Answer:
        armed.arm(point)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            ask()
        assert armed.fired()
        done.add(point)
        portal_processes.wait_until(lambda: portal_processes.status("/healthz") == 200, "another process")
        answer = ask()
        assert answer.status in good, answer
        return answer

    with subtests.test("dispatch:committed"):
        ride = {
            "activity": "metro_trip",
            "region": "440106",
            "inputs": {"distance": "12"},
            "started_at": f"{clock.today() - world.dt.timedelta(days=1)}T08:00:00+08:00",
            "ended_at": f"{clock.today() - world.dt.timedelta(days=1)}T08:30:00+08:00",
        }
        answer = killed_and_sent_again(
            "dispatch:committed", lambda: post_once(device, "/api/v1/me/records", ride, "ride"), (201,)
        )
        services.quantify_pending(until_empty=True)  # nobody was woken: the sweep finds the row
        assert BehaviorRecord.objects.get().pk == answer.json["id"]
        assert BehaviorRecord.objects.get().state == "final"
    with subtests.test("evidence:stored"):
        browser = Form(portal_processes, cast.alice)
        killed_and_sent_again("evidence:stored", browser.submit, (302,))
        assert Evidence.objects.count() == 1
        path = settings.MEDIA_ROOT / Evidence.objects.get().path
        assert path.exists()
        assert BehaviorRecord.objects.count() == 2
    with subtests.test("vouchers:held"):
        take = {"offer": str(shop.offer.uuid)}
        killed_and_sent_again("vouchers:held", lambda: post_once(device, VOUCHERS, take, "take"), (201,))
        assert Voucher.objects.count() == 1
        assert in_stock(shop.offer) == shop.offer.stock - 1
    with subtests.test("vouchers:captured"):
        code = {"code": codes.qr_payload(Voucher.objects.get().pk, clock.now())}
        killed_and_sent_again("vouchers:captured", lambda: post_once(till, CAPTURES, code, "pay"), (200,))
        assert balance(addresses.merchant(shop.merchant.uuid)) == shop.offer.cost_points
    points = services_points(cast.alice_account)
    assert points == spendable_points(cast.alice_account.uuid)
    services.quantify_pending(until_empty=True)
    assert world.violations() == {}
    assert done == set(SERVER_POINTS)


def services_points(account) -> int:
    """What is left by the vouchers alone, without a look at any balance."""
    from credits.models import PointsAccrual

    earned = sum(PointsAccrual.objects.filter(participant=account).values_list("awarded_points", flat=True))
    return 100 + earned - sum(Voucher.objects.filter(participant=account).values_list("cost_points", flat=True))


def post_once(client: Client, path: str, body: dict, key: str) -> Answer:
    """Without the client's own second try."""
    client.wire.close()
    return client.post(path, body, key, tries=1)


class Form:
    """The page of a new record with a photo, filled in once and sent as often as it takes."""

    def __init__(self, running: portal.Portal, user) -> None:
        browser = Browser()
        browser.force_login(user)
        page = browser.get("/records/new?activity=metro_trip")
        self.port = running.port
        self.cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
        initial = page.context["form"].initial | {"key": page.context["form"]["key"].value()}
        day = clock.today() - world.dt.timedelta(days=2)
        self.fields = {
            "csrfmiddlewaretoken": browser.cookies[settings.CSRF_COOKIE_NAME].value,
            "activity": "metro_trip",
            "participant": str(personal_account(user).pk),
            "region": "440106",
            "day": day.isoformat(),
            "start": "09:00",
            "minutes": "30",
            "input_distance": "8",
            "key": str(initial["key"]),
        }
        self.photo = picture().read()

    def submit(self) -> Answer:
        line = "carbon-portal-boundary"
        parts = [
            f'--{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in self.fields.items()
        ]
        head = f'--{line}\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        body = b"".join([*parts, head.encode(), self.photo, f"\r\n--{line}--\r\n".encode()])
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {
            "Cookie": self.cookies,
            "Content-Type": f"multipart/form-data; boundary={line}",
            "Origin": f"http://127.0.0.1:{self.port}",
        }
        wire.request("POST", "/records/new", body, headers)
        answer = wire.getresponse()
        return Answer(answer.status, answer.read())


# -- commands ----------------------------------------------------------------------------------------------------------


def killed(portal_processes: portal.Portal, point: str, *arguments: str) -> None:
    done = portal_processes.manage(*arguments, check=False, CRASH_POINTS=point)
    assert done.returncode == -signal.SIGKILL, f"{point} was not reached:\n{done.stdout}{done.stderr}"


def test_an_import_that_dies_between_two_chunks_is_finished_by_the_next_run(portal_processes, tmp_path) -> None:
    prepare()
    provider()
    rows = 10_050  # a chunk and a bit
    file = world.trips_file(tmp_path / "trips.csv", rows)
    arguments = ("import_behaviors", str(file), "--provider", "gz-metro")
    killed(portal_processes, "import:chunk", *arguments)
    stored = BehaviorRecord.objects.count()
    assert 0 < stored < rows
    assert IntakeBatch.objects.get().status != "done"
    again = portal_processes.manage(*arguments)
    assert f"accepted: {rows}" in again.stdout
    assert BehaviorRecord.objects.count() == rows
    services.quantify_pending(until_empty=True)
    assert BehaviorRecord.objects.filter(state="final").count() == rows
    assert world.violations() == {}


def test_a_migration_that_dies_before_its_grants_is_finished_by_the_next_run(portal_processes, as_role) -> None:
    owner = as_role("portal_owner")
    owner.autocommit = True
    allowed = "SELECT has_table_privilege('portal_web', 'behaviors_behaviorrecord', 'INSERT')"
    with owner.cursor() as cursor:
        cursor.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM portal_web, portal_worker")
        killed(portal_processes, "migrate:grants", "migrate", "--no-input")
        cursor.execute(allowed)
        assert cursor.fetchone() == (False,)
        portal_processes.manage("migrate", "--no-input")
        cursor.execute(allowed)
        assert cursor.fetchone() == (True,)
    prepare()
    assert world.violations() == {}


def test_a_point_kills_at_the_time_that_was_asked_for(tmp_path) -> None:
    code = (
        "from carbon_portal.kernel.faults import crash_point as c\nfor n in range(5): c('here'); print(n, flush=True)"
    )
    environment = {**os.environ, "PORTAL_DEMO": "1", "CRASH_POINTS": "there, here*3"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["0", "1"]
