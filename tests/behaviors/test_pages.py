"""The resident's pages: pick, fill in, submit, cancel, look at the photo."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from behaviors import evidence
from behaviors.forms import estimate_arguments
from behaviors.models import BehaviorRecord, Evidence
from carbon_portal.kernel import clock
from tests.behaviors.cast import household, library, login, officer, picture, resident, ride

pytestmark = pytest.mark.django_db
NEW = "/records/new"
MORNING = dt.datetime(2026, 11, 21, 4, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _morning(monkeypatch, settings, tmp_path):
    """Noon in Guangzhou, and uploads of this test alone."""
    monkeypatch.setattr(clock, "now", lambda: MORNING)
    settings.MEDIA_ROOT = tmp_path
    library()


@pytest.fixture
def alice(db):
    return resident("Alice")


@pytest.fixture
def web(alice):
    client = Client()
    client.force_login(login(alice.person))
    return client


def answer(web, alice, **changes):
    """A filled-in metro form as the page sent it out."""
    form = web.get(NEW).context["form"]
    data = {
        "key": form["key"].value(),
        "activity": "metro_trip",
        "participant": str(alice.pk),
        "input_distance": "12.4",
        "day": "2026-11-21",
        "start": "08:00",
        "minutes": "30",
        "region": "440106",
        "note": "",
    }
    return data | changes


def upload():
    return SimpleUploadedFile("a.png", picture("PNG").read(), content_type="image/png")


def test_a_visitor_is_led_to_the_login():
    response = Client().get(NEW)
    assert response.status_code == 302
    assert "next=/records/new" in response.url


def test_the_form_is_made_of_what_the_methodology_asks(web):
    response = web.get(NEW, {"activity": "household_water"})
    form = response.context["form"]
    assert [field.name for field in form.input_fields] == ["input_water_use", "input_members", "input_days"]
    assert [field.field.unit for field in form.input_fields] == ["吨", "人", "天"]
    assert "用水户号" in response.content.decode()


def test_tiles_show_what_this_account_may_log(web, alice):
    family = household(alice.person)
    assert [tile["label"] for tile in web.get(NEW).context["kinds"]][:3] == ["地铁", "公交", "单车"]
    of_family = web.get(NEW, {"participant": str(family.pk)}).context["kinds"]
    assert {"用电", "用气", "用水"} <= {tile["label"] for tile in of_family}
    assert "地铁" not in {tile["label"] for tile in of_family}


def test_a_trip_is_submitted_without_scripts(web, alice):
    response = web.post(NEW, answer(web, alice))
    assert response.status_code == 302
    record = BehaviorRecord.objects.get()
    assert (record.state, record.channel, record.evidence) == ("received", "page", "self_declared")
    assert record.inputs == {"distance": "12.4"}
    assert record.started_at.isoformat() == "2026-11-21T00:00:00+00:00"
    assert (record.ended_at - record.started_at).seconds == 1800
    assert record.person_id == alice.person_id


def test_time_left_open_follows_from_the_distance(web, alice):
    web.post(NEW, answer(web, alice, minutes=""))
    record = BehaviorRecord.objects.get()
    assert (record.ended_at - record.started_at).seconds == 22 * 60  # 12.4 km at 35 km/h


def test_a_double_press_changes_nothing(web, alice):
    data = answer(web, alice)
    first, second = web.post(NEW, data), web.post(NEW, data)
    assert first.status_code == second.status_code == 302
    assert first.url == second.url
    assert BehaviorRecord.objects.count() == 1


def test_going_back_and_sending_other_content_is_said_and_gets_a_new_key(web, alice):
    data = answer(web, alice)
    web.post(NEW, data)
    response = web.post(NEW, data | {"note": "晚上"})
    assert response.status_code == 422
    assert "内容不同" in response.content.decode()
    assert response.context["form"]["key"].value() != data["key"]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "必填项为空"),
        ("-1", "小于方法学规定的最小值"),
        ("0", "小于方法学规定的最小值"),
        ("0.4", "小于方法学规定的最小值"),
        ("121", "大于方法学规定的最大值"),
        ("999999999999", "大于方法学规定的最大值"),
        ("1.2345", "小数位数超过"),
        ("1e3", "不是数字"),
        ("1_000", "不是数字"),
        ("１２", "不是数字"),
        ("١٢", "不是数字"),
        ("+5", "不是数字"),
        ("NaN", "不是数字"),
        ("Infinity", "不是数字"),
        ("0x10", "不是数字"),
        ("1,000", "不是数字"),
        ("9" * 65, "64"),
        ("1;DROP TABLE", "不是数字"),
        ("<script>alert(1)</script>", "不是数字"),
        ("=1+1", "不是数字"),
        ("12.", "不是数字"),
        (".5", "不是数字"),
    ],
)
def test_the_form_refuses_a_bad_number_at_once_and_keeps_what_was_typed(web, alice, value, sentence):
    response = web.post(NEW, answer(web, alice, input_distance=value, note="下班回家"))
    text = response.content.decode()
    assert response.status_code == 422
    assert sentence in "".join(response.context["form"].errors["input_distance"])
    assert "error-summary" in text
    assert "下班回家" in text
    assert "<script>alert" not in text
    assert not BehaviorRecord.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"start": "11:50"}, "start"),
        ({"start": "25:00"}, "start"),
        ({"start": ""}, "start"),
        ({"minutes": "0"}, "minutes"),
        ({"minutes": "1441"}, "minutes"),
        ({"minutes": "1e1"}, "minutes"),
        ({"minutes": "3"}, "minutes"),
        ({"day": "2026-11-22"}, "day"),
        ({"day": "2026-11-01"}, "day"),
        ({"day": "x"}, "day"),
        ({"note": "字" * 201}, "note"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(web, alice, change, field):
    response = web.post(NEW, answer(web, alice, **change))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not BehaviorRecord.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"activity": "teleport"},
        {"activity": ""},
        {"activity": "forest_increment"},
        {"key": "not-a-key"},
        {"key": "\x00"},
        {"region": "\x00"},
        {"region": "999999"},
        {"day": "\x00"},
        {"participant": "\x00"},
        {"participant": "00000000-0000-0000-0000-000000000000"},
        {"note": "a\x00b"},
    ],
)
def test_a_tampered_form_is_never_a_server_error(web, alice, change):
    response = web.post(NEW, answer(web, alice, **change))
    assert response.status_code in (302, 422)
    for record in BehaviorRecord.objects.all():
        assert (record.activity, record.participant_id) == ("metro_trip", alice.pk)


def test_nobody_logs_for_anothers_account(web, alice):
    bob = resident("Bob")
    web.post(NEW, answer(web, alice, participant=str(bob.pk)))
    assert not BehaviorRecord.objects.filter(participant=bob).exists()


def test_an_overlap_is_explained_with_time_and_channel(web, alice):
    ride(alice, start=8, minutes=40, at=MORNING, channel="file")
    response = web.post(NEW, answer(web, alice), follow=True)
    told = [str(message) for message in response.context["messages"]] if response.context else []
    assert any("08:00–08:40" in text and "文件导入" in text for text in told) or (
        "08:00–08:40" in response.content.decode()
    )


def test_a_bill_takes_its_period_from_two_dates(web, alice):
    family = household(alice.person)
    data = answer(web, alice, activity="household_gas", participant=str(family.pk))
    data |= {"input_gas_use": "18.5", "input_days": "30", "meter": "GAS-001"}
    data |= {"period_start": "2026-10-01", "period_end": "2026-10-30"}
    assert web.post(NEW, data).status_code == 302
    record = BehaviorRecord.objects.get()
    assert (record.participant_id, record.occurred_on, record.meter) == (family.pk, dt.date(2026, 10, 30), "GAS-001")
    again = data | {"key": "0" * 32, "period_end": "2026-12-01"}
    response = web.post(NEW, again)
    assert "period_end" in response.context["form"].errors


def test_a_photo_goes_with_the_record_and_only_its_owner_and_staff_see_it(web, alice):
    photo = SimpleUploadedFile("../../etc/我的.jpg", picture().read(), content_type="image/jpeg")
    assert web.post(NEW, answer(web, alice, photo=photo)).status_code == 302
    row = Evidence.objects.get()
    address = reverse("behaviors:evidence", args=[row.uuid])
    response = web.get(address)
    assert response.status_code == 200
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "no-store" in response["Cache-Control"]
    assert b"".join(response.streaming_content)[:2] == b"\xff\xd8"
    statuses = {}
    for name, person in {
        "bob": login(resident("Bob").person),
        "city": officer("440100"),
        "other": officer("442000"),
        "province": officer("440000", "province_officer"),
    }.items():
        client = Client()
        client.force_login(person)
        statuses[name] = client.get(address).status_code
    assert statuses == {"bob": 404, "city": 200, "other": 404, "province": 200}
    assert Client().get(address).status_code == 302


@pytest.mark.parametrize(("language", "told"), [("zh-hans", "请不附照片直接提交"), ("en", "Submit without a photo")])
def test_a_photo_beyond_the_day_s_number_is_refused_and_what_was_typed_stays(web, alice, monkeypatch, language, told):
    monkeypatch.setattr(evidence, "PHOTOS_PER_DAY", 1)
    web.post(NEW, answer(web, alice, start="06:00", photo=upload()))
    web.cookies["language"] = language
    refused = web.post(NEW, answer(web, alice, note="下班路上", photo=upload()))
    assert refused.status_code == 422
    assert told in refused.context["form"].errors["photo"][0]
    assert 'value="下班路上"' in refused.content.decode()
    assert BehaviorRecord.objects.count() == Evidence.objects.count() == 1
    assert web.post(NEW, answer(web, alice, note="下班路上")).status_code == 302


def test_a_photo_that_is_none_is_refused_beside_its_field(web, alice):
    response = web.post(NEW, answer(web, alice, photo=SimpleUploadedFile("a.jpg", b"<svg onload=alert(1)>")))
    assert response.status_code == 422
    assert "JPEG" in response.context["form"].errors["photo"][0]
    assert response.context["form"].more_is_open
    assert not BehaviorRecord.objects.exists()


def test_cancelling_asks_first_and_get_changes_nothing(web, alice):
    record = ride(alice, at=MORNING)
    address = f"/records/{record.id}/cancel"
    assert "确认撤销" in web.get(address).content.decode()
    assert BehaviorRecord.objects.get().state == "received"
    assert web.post(address).status_code == 302
    assert BehaviorRecord.objects.get().state == "reversed"
    assert web.post(address).status_code == 302
    assert "不能撤销" in web.get(address).content.decode()


def test_anothers_record_and_a_missing_one_look_the_same(web):
    record = ride(resident("Bob"), at=MORNING)
    foreign, missing = web.post(f"/records/{record.id}/cancel"), web.post("/records/999999999/cancel")
    assert foreign.status_code == missing.status_code == 404
    assert web.get(f"/records/{'9' * 30}/cancel").status_code == 404
    assert BehaviorRecord.objects.get(id=record.id).state == "received"


def test_pages_speak_english_too(web, alice):
    web.cookies["language"] = "en"
    response = web.post(NEW, answer(web, alice, input_distance="1e3"))
    assert "is no number" in response.context["form"].errors["input_distance"][0]


def test_an_estimate_takes_what_is_typed_so_far(alice):
    data = {"participant": str(alice.pk), "activity": "metro_trip", "region": "440106", "input_distance": " 3 "}
    found = estimate_arguments(data, [alice], MORNING)
    assert found["inputs"] == {"distance": "3"}
    assert found["occurred_on"] == dt.date(2026, 11, 21)
    assert estimate_arguments(data | {"participant": "x"}, [alice], MORNING) is None
    assert estimate_arguments(data | {"region": "\x00"}, [alice], MORNING) is None
