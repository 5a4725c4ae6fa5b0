"""Pages of verifications: what the public reads, what an officer and a verifier do, and what nobody can do by them."""

import datetime as dt
import json
import subprocess
import sys

import pytest
from django.test import Client
from django.urls import reverse

from accounts.constants import Role
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from credits.models import Verification, VerificationAnswer, VerificationReport, VerificationWithdrawal
from credits.selectors import verifications as selectors
from tests.people import adviser, person_of, staff

from . import verifications as world
from .cases import ON

pytestmark = pytest.mark.django_db


def client_of(user) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def address(name: str, *arguments) -> str:
    return reverse(f"credits:{name}", args=arguments)


def text(answer) -> str:
    return answer.content.decode()


def choice(**changes) -> dict[str, str]:
    return {
        "version": "GD-METRO-TRIP@1.0", "region": "440000", "first": str(ON - dt.timedelta(days=60)), "last": str(ON),
        "guide": "1", "percent": "5", "minimum": "30", "announced": "示例福利彩票第 2026139 期", "deed": "freeze",
        **changes,
    }  # fmt: skip


def checks(found: Verification, **changes) -> dict[str, str]:
    form = {f"{code}-{name}": "" for code in found.questions for name in ("result", "note", "evidence")}
    return (
        form
        | {f"{code}-seen": "0" for code in found.questions}
        | {key.replace("__", "-"): v for key, v in changes.items()}
    )


def test_the_whole_way_by_pages(tmp_path, monkeypatch):
    desk = world.desk()
    officer, verifier, visitor = client_of(desk.officer), client_of(desk.verifier), Client()
    counted = officer.post(address("verification-new"), choice(deed="count"))
    assert "名单 40 条，抽 30 条" in text(counted)
    assert not Verification.objects.exists()
    assert officer.post(address("verification-new"), choice(percent="4")).status_code == 422
    work = officer.post(address("verification-new"), choice())["Location"]
    found = Verification.objects.get()
    public = address("verification", found.pk)
    assert found.frame_sha256 in text(visitor.get(public))
    assert "示例福利彩票第 2026139 期" in text(visitor.get(public))
    assert public in text(visitor.get(address("verifications")))
    for guide in (reverse("methodologies:guide"), reverse("methodologies:guide-version", args=["1"])):
        assert address("verifications") in text(visitor.get(guide))

    number = {"deed": "draw", "seed": world.SEED, "source": world.SOURCE, "published_on": str(clock.today())}
    early = officer.post(work, number)
    assert early.status_code == 409
    assert "没有抽样" in text(early)
    assert world.SEED in text(early)
    assert officer.post(work, {**number, "published_on": "soon"}).status_code == 422
    assert verifier.post(work, number).status_code == 409
    moved = clock.now() + dt.timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: moved)
    officer.force_login(desk.officer, backend="django.contrib.auth.backends.ModelBackend")
    assert officer.post(work, {**number, "published_on": str(clock.today())}).status_code == 302

    frame = visitor.get(address("verification-frame", found.pk))
    (tmp_path / "frame.txt").write_bytes(frame.content)
    lines = visitor.get(public).context["lines"]
    told = subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, capture_output=True, text=True, check=True)
    sample = list(found.sample.order_by("place").values_list("record_id", flat=True))
    assert [int(one) for one in told.stdout.splitlines()[1].split()] == sample

    record = address("verification-record", found.pk, 1)
    assert verifier.get(record).status_code == 404
    assert verifier.post(work, {"deed": "declare", "conflicted": "yes", "statement": ""}).status_code == 422
    assert verifier.post(work, {"deed": "declare", "conflicted": "no", "statement": ""}).status_code == 302
    for place in range(1, 31):
        answers = checks(found, **{f"{code}__result": "yes" for code in found.questions})
        if place == 1:
            answers |= {"source-result": "no", "source-note": "里程与来源不符", "source-evidence": "日志第 12 行"}
        assert verifier.post(address("verification-record", found.pk, place), answers).status_code == 302
    assert "里程与来源不符" in text(officer.get(record))
    page = verifier.get(work)
    sign = {"deed": "sign", "shown": page.context["offered"]["sign"].initial["shown"], "remark": "完成"}
    assert verifier.post(work, {**sign, "shown": "0" * 64}).status_code == 409
    assert verifier.post(work, sign).status_code == 302
    shown = text(visitor.get(public))
    report = VerificationReport.objects.get()
    assert report.content_sha256 in shown
    assert "1 条，占样本 3.4%" in shown
    assert "里程与来源不符" not in shown
    answer = officer.get(address("verification-report", found.pk))
    assert json.loads(answer.content)["remark"] == "完成"
    assert verifier.post(record, checks(found)).status_code == 409


def test_a_bad_item_stays_as_typed_and_the_others_are_saved():
    desk = world.desk()
    found = world.taken(desk)
    verifier = client_of(desk.verifier)
    page = address("verification-record", found.pk, 1)
    sent = checks(
        found, identity__result="yes", source__result="no", source__evidence="日志第 7 行", once__note="没选结果"
    )
    answer = verifier.post(page, sent)
    assert answer.status_code == 422
    assert "日志第 7 行" in text(answer)
    assert "没选结果" in text(answer)
    assert list(VerificationAnswer.objects.values_list("question", "result")) == [("identity", "yes")]
    again = {**sent, "identity-seen": "1", "source-note": "不符", "once-result": "n_a"}
    assert verifier.post(page, again).status_code == 302
    assert VerificationAnswer.objects.count() == 3


def test_what_another_page_saved_meanwhile_is_told_and_not_overwritten_unseen():
    desk = world.desk()
    found = world.taken(desk)
    verifier = client_of(desk.verifier)
    page = address("verification-record", found.pk, 2)
    verifier.post(page, checks(found, once__result="yes"))
    stale = checks(found, once__result="unclear", once__note="编号看不清")
    answer = verifier.post(page, stale)
    assert answer.status_code == 409
    assert "另外保存为“符合”" in text(answer)
    assert "编号看不清" in text(answer)
    assert 'name="once-seen" value="1"' in text(answer)
    assert verifier.post(page, {**stale, "once-seen": "1"}).status_code == 302
    assert [row.result for row in VerificationAnswer.objects.order_by("revision")] == ["yes", "unclear"]


def test_a_record_s_page_shows_how_it_was_computed_and_nobody_s_name():
    desk = world.desk()
    found = world.taken(desk)
    one = selectors.sampled(found, 1)
    record = BehaviorRecord.objects.select_related("participant__person").get(pk=one.record_id)
    BehaviorRecord.objects.filter(pk=record.pk).update(note="请打电话给我", meter="0300123456789")
    shown = text(client_of(desk.verifier).get(address("verification-record", found.pk, 1)))
    assert "46.7" in shown
    for hidden in (
        record.participant.public_id,
        record.participant.person.name,
        "请打电话给我",
        "0300123456789",
        str(record.participant_id),
    ):
        assert hidden not in shown


def test_other_areas_and_other_verifiers_see_nothing_of_the_records():
    desk = world.desk()
    found = world.taken(desk, region="440600")
    work, record = address("verification-work", found.pk), address("verification-record", found.pk, 1)
    second = client_of(adviser(Role.VERIFIER, number=2))
    assert second.get(work).status_code == 200
    assert second.get(record).status_code == 404
    assert second.post(work, {"deed": "declare", "conflicted": "no"}).status_code == 409
    for user in (
        staff("gz-1", Role.CITY_OFFICER, name="周", region="440100"), adviser(Role.VERIFIER, number=3, region="440100")
    ):  # fmt: skip
        for url in (work, record, address("verification-report", found.pk)):
            assert client_of(user).get(url).status_code == 404
    nearby = client_of(staff("fs-1", Role.CITY_OFFICER, name="何", region="440600"))
    assert nearby.get(record).status_code == 200
    assert nearby.post(record, checks(found, once__result="yes")).status_code == 409
    for place in (0, 31, 2**40):
        assert nearby.get(address("verification-record", found.pk, place)).status_code == 404
    outside = client_of(adviser(Role.EXPERT))
    assert outside.get(address("verification-desk")).status_code == 403
    assert nearby.post(address("verification-new"), choice()).status_code == 422  # the province is not theirs
    assert Verification.objects.count() == 1


def test_the_public_pages_name_nobody():
    desk = world.desk()
    found = world.taken(desk)
    world.answer_all(desk, found)
    world.signed(desk, found)
    pages = [address("verifications"), address("verification", found.pk), address("verification-frame", found.pk)]
    shown = "".join(text(Client().get(url)) for url in pages)
    people = [person_of(desk.officer), person_of(desk.verifier)]
    accounts = BehaviorRecord.objects.filter(pk__in=desk.ids).values_list("participant__public_id", "participant_id")
    for word in [
        *(str(one.pk) for one in people),
        *(one.name for one in people),
        *(str(x) for row in accounts for x in row),
    ]:
        assert word not in shown
    for hidden in ("运营单位日志", "里程与来源不符", "抽查完成"):
        assert hidden not in shown


def test_who_froze_it_by_mistake_withdraws_it_by_its_page_and_everybody_reads_why():
    desk = world.desk()
    found = world.opened(desk)
    work, public = address("verification-work", found.pk), address("verification", found.pk)
    officer, visitor = client_of(desk.officer), Client()
    said = {"deed": "withdraw", "reason": "方法学版本选错了"}
    assert officer.get(work).context["offered"].keys() == {"draw", "withdraw"}
    assert officer.post(work, {**said, "reason": ""}).status_code == 422
    assert officer.post(work, said).status_code == 302
    for page in (text(officer.get(work)), text(visitor.get(public))):
        assert "已撤回" in page
        assert "方法学版本选错了" in page
    assert "已撤回" in text(visitor.get(address("verifications")))
    assert found.frame_sha256 in text(visitor.get(public))
    assert visitor.get(address("verification-frame", found.pk)).status_code == 200
    assert officer.get(work).context["offered"] == {}
    assert officer.post(work, said).status_code == 409
    officer.cookies["language"] = "en"
    assert "Withdrawn: goes no further" in text(officer.get(work))


def test_a_drawn_one_is_withdrawn_until_somebody_has_answered_and_its_records_are_closed():
    desk = world.desk()
    found, other = world.taken(desk), world.taken(desk)
    work, record = (
        address(name, found.pk, *place) for name, place in (("verification-work", ()), ("verification-record", (1,)))
    )
    officer, verifier = client_of(desk.officer), client_of(desk.verifier)
    assert verifier.get(record).status_code == 200
    assert verifier.post(work, {"deed": "withdraw", "reason": "不想做"}).status_code == 409
    assert officer.post(work, {"deed": "withdraw", "reason": "日期选错"}).status_code == 302
    assert officer.get(work).status_code == 200
    assert [one.get(record).status_code for one in (officer, verifier)] == [404, 404]
    assert "随机数" in text(Client().get(address("verification", found.pk)))
    world.answer(desk, other, 1, "source")
    page = address("verification-work", other.pk)
    assert "withdraw" not in officer.get(page).context["offered"]
    assert officer.post(page, {"deed": "withdraw", "reason": "不好看"}).status_code == 409
    assert not VerificationWithdrawal.objects.filter(verification=other).exists()


def test_no_city_withdraws_what_the_province_froze():
    desk = world.desk()
    by_province = world.opened(desk, region="440600")
    city = staff("fs-one", Role.CITY_OFFICER, name="何经办", region="440600")
    colleague = staff("fs-two", Role.CITY_OFFICER, name="苏经办", region="440600")
    elsewhere = staff("zs-one", Role.CITY_OFFICER, name="林经办", region="442000")
    by_city = world.opened(desk, region="440600", by=person_of(city).pk)

    def offered(user, one: Verification) -> bool:
        answer = client_of(user).get(address("verification-work", one.pk))
        return answer.status_code == 200 and "withdraw" in answer.context["offered"]

    assert [offered(user, by_province) for user in (desk.officer, city, colleague, elsewhere)] == [
        True,
        False,
        False,
        False,
    ]
    assert [offered(user, by_city) for user in (desk.officer, city, colleague, elsewhere)] == [False, True, True, False]
    refused = client_of(city).post(
        address("verification-work", by_province.pk), {"deed": "withdraw", "reason": "不好看"}
    )
    assert refused.status_code == 409
    assert not VerificationWithdrawal.objects.exists()


def test_the_demo_has_a_signed_verification_and_one_under_way():
    from carbon_portal.workflows.demo.verifications import seed_verifications

    desk = world.desk(region="440106")
    for name, role, region in (
        ("gz-officer", Role.CITY_OFFICER, "440100"), ("gd-officer", Role.PROVINCE_OFFICER, "440000"),
        ("verifier", Role.VERIFIER, "440000"),
    ):  # fmt: skip
        staff(name, role, name="何", region=region)
    now = world.AT + dt.timedelta(days=50)
    assert (seed_verifications(now=now), seed_verifications(now=now)) == (2, 0)
    signed, open_ = Verification.objects.order_by("frozen_at")
    assert (signed.frame_count, open_.frame_count) == (len(desk.ids), len(desk.ids))
    assert (signed.report.records_wrong, signed.report.records_unclear) == (1, 1)
    assert VerificationAnswer.objects.filter(sampled__verification=open_).count() == 3 * len(open_.questions)
    assert str(signed.version) in text(Client().get(address("verification", signed.pk)))
