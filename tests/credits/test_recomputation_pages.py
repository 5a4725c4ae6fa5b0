"""The province's pages of a recomputation, what people are told, and two runs over the same records at once."""

import datetime as dt
import json
from io import BytesIO

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from behaviors.models import BehaviorRecord
from carbon_portal.kernel import approvals, clock
from credits import services
from credits.models import PointsAccrual, Recomputation, Reduction
from credits.services.recomputation import KIND, subject_of
from methodologies.models import MethodologyVersion
from tests.people import build_cast, personal_account
from tests.withdrawing import withdraw

from .cases import AT, prepare, records, resident
from .revisions import advance, approved, factor, previewed, publish, reach
from .test_races import together, violations


def client_of(user) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.django_db
def test_an_officer_chooses_an_approver_decides_and_the_report_adds_up():
    cast = build_cast()
    prepare()
    account = personal_account(cast.alice)
    place = {"region": "441900", "evidence": "feed"}
    ids = records({"participant": account, **place}, {"participant": resident(), **place, "inputs": {"distance": "20"}})
    services.quantify_pending(at=AT)
    version = publish("1.1", factor("50"))
    officer, approver = client_of(cast.province_officer), client_of(cast.province_approver)
    form = {
        "version": str(version), "first": "2026-01-01", "last": "2026-12-31", "areas": ["440000"], "rule": "top_up",
        "reason": "参数经复核后更正", "reason_en": "",
    }  # fmt: skip
    assert officer.post(reverse("credits:recomputation-new"), {**form, "reason": ""}).status_code == 422
    answer = officer.post(reverse("credits:recomputation-new"), form)
    assert answer.status_code == 302
    job = Recomputation.objects.get()
    advance()
    page = officer.get(answer["Location"]).content.decode()
    assert "+99" in page
    assert str(account.pk) not in page
    officer.post(reverse("credits:recomputation-request", args=[job.uuid]))
    shown = approvals.request_for(KIND, subject_of(job)).content_sha256
    decide = reverse("credits:recomputation-decide", args=[job.uuid])
    assert officer.post(decide, {"decision": "approve", "shown_sha256": shown}).status_code == 403
    stale = {"decision": "approve", "shown_sha256": "0" * 64, "note": "a\x00b"}
    answer = approver.post(decide, stale | {"note": "口径已核对"})
    assert answer.status_code == 409
    assert "口径已核对" in answer.content.decode()
    assert approver.post(decide, {"shown_sha256": shown, "note": "没按按钮"}).status_code == 400
    job.refresh_from_db()
    assert job.state == "waiting"
    assert approver.post(decide, {"decision": "approve", "shown_sha256": shown, "note": "a\x00b"}).status_code == 302
    reach(job, "done")
    answer = officer.get(reverse("credits:recomputation-json", args=[job.uuid]))
    report = json.loads(b"".join(answer.streaming_content))
    assert report["total"]["change_g"] == sum(line["change_g"] for line in report["lines"]) == 99
    assert sum(city["change_g"] for city in report["cities"]) == 99
    assert {line["record"] for line in report["lines"]} == set(ids)
    answer = officer.get(reverse("credits:recomputation-xlsx", args=[job.uuid]))
    book = load_workbook(BytesIO(b"".join(answer.streaming_content)))
    lines = list(book["按记录"].iter_rows(min_row=2, values_only=True))
    assert sum(row[6] for row in lines) == 99
    assert list(book["按城市"].iter_rows(values_only=True))[-1][4] == 99
    hers = client_of(cast.alice)
    for url in (reverse("credits:record-detail", args=[ids[0]]), reverse("credits:statement")):
        assert "方法学修订后的重算" in hers.get(url).content.decode()
    trace = reverse("credits:record-trace", args=[ids[0]])
    assert "46.7" in hers.get(trace, {"revision": "1"}).content.decode()
    assert "GD-METRO-TRIP" in hers.get(trace).content.decode()
    assert hers.get(trace, {"revision": "9"}).status_code == 404
    assert client_of(cast.city_officer).get(reverse("credits:recomputations")).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("days", [9, -1])
def test_a_method_that_ends_says_when_and_what_follows(days):
    cast = build_cast()
    prepare()
    today = clock.today()
    successor = publish("2.0", factor("50"), effective_from="2027-01-01")
    old = MethodologyVersion.objects.get(methodology="GD-METRO-TRIP", version="1.0")
    ids = records({"participant": personal_account(cast.alice), "evidence": "feed"})
    services.quantify_pending(at=AT)
    page = reverse("credits:record-detail", args=ids)
    hers = client_of(cast.alice)
    link = reverse("methodologies:version", args=["GD-METRO-TRIP", "2.0"])
    assert "停用" not in hers.get(page).content.decode()
    withdraw(old, sunset_on=today + dt.timedelta(days=days), successor=successor)
    new = hers.get(reverse("behaviors:record-new"), {"activity": "metro_trip", "region": "440605"})
    for text in (hers.get(page).content.decode(), new.content.decode()):
        assert link in text
        assert "停用" in text
    if days > 0:
        return
    late = records({"participant": personal_account(cast.alice), "on": today, "evidence": "feed"})
    services.quantify_pending(at=clock.now())
    assert BehaviorRecord.objects.get(pk=late[0]).reason == "not_in_force"
    assert link in hers.get(reverse("credits:record-detail", args=late)).content.decode()


def test_of_two_runs_at_once_over_the_same_records_each_record_is_written_by_one(own_database):
    prepare()
    people = [resident() for _ in range(12)]
    ids = records(*[{"participant": one, "evidence": "feed"} for one in people for _ in range(3)])
    services.quantify_pending(at=AT)
    BehaviorRecord.objects.filter(pk__in=ids).update(received_at=clock.now())
    jobs = [previewed(publish(f"1.{n}", factor(value)), "top_up") for n, value in ((1, "50"), (2, "60"))]
    for job in jobs:
        approved(job)
    work = lambda: [services.advance(at=clock.now(), rounds=1, limit=3) for _ in range(40)]  # noqa: E731
    together(work, work, work)
    for job in jobs:
        reach(job, "done")
    assert Reduction.objects.filter(revision=2).count() == len(ids)
    assert not Reduction.objects.filter(revision=3).exists()
    for one in people:
        outcomes = sorted(part.outcome for job in jobs for part in job.parts.filter(participant=one))
        assert outcomes == ["applied", "changed"]
        newest = sum(Reduction.objects.filter(participant=one, revision=2).values_list("reduction_g", flat=True))
        assert PointsAccrual.objects.get(participant=one).credited_g == newest
    assert violations() == {}
