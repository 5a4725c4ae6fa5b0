"""The pages of drafting, as people use them: who may, what a form changes, what two people at once see."""

import html
import re

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from accounts.constants import Role
from accounts.selectors import actor_of
from carbon_portal.kernel import clock
from methodologies import services as library
from methodologies.drafting.text import plain_data
from methodologies.models import Draft, DraftEdit, MethodologyVersion
from methodologies.services import drafts as services
from methodologies.services import forwarding
from tests.methodologies.drafting import world
from tests.people import GUANGZHOU, PROVINCE, ZHONGSHAN, adviser, person_of, staff

pytestmark = pytest.mark.django_db


def browser(user):
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def officer():
    library.sync_library(at=clock.now())
    return staff("gz-one", Role.CITY_OFFICER, name="周经办", region=GUANGZHOU)


@pytest.fixture
def draft(officer):
    return services.start_draft(person=person_of(officer).pk, region=GUANGZHOU, at=clock.now(), title="共享单车")


def part(draft, slug):
    return reverse("methodologies:draft-part", args=[draft.uuid, slug])


def save(draft, slug):
    return reverse("methodologies:draft-save", args=[draft.uuid, slug])


def form_of(page):
    """What the page's form would send: its fields by name."""
    text = page.content.decode()
    form = text[text.index('id="draft-form"') : text.index("</form>", text.index('id="draft-form"'))]
    sent = dict(re.findall(r'<input[^>]*? name="([^"]+)"[^>]*? value="([^"]*)"', form))
    for name, options in re.findall(r'<select id="[^"]*" name="([^"]+)".*?>(.*?)</select>', form, re.DOTALL):
        sent[name] = next(iter(re.findall(r'value="([^"]*)" selected', options)), "")
    for name, text_ in re.findall(r'<textarea id="[^"]*" name="([^"]+)".*?>\n(.*?)</textarea>', form, re.DOTALL):
        sent[name] = text_
    boxes = re.findall(r'type="checkbox"[^>]*? name="([^"]+)" value="([^"]*)" checked', form)
    for name in {name for name, _value in boxes}:
        sent[name] = [value for one, value in boxes if one == name]
    sent.pop("csrfmiddlewaretoken", None)
    return {key: html.unescape(value) if isinstance(value, str) else value for key, value in sent.items()}


def test_an_empty_list_says_how_to_begin(officer):
    page = browser(officer).get(reverse("methodologies:drafts"))
    assert "还没有草案" in page.content.decode()


def test_a_draft_begins_from_the_commented_template(officer):
    client = browser(officer)
    answer = client.post(reverse("methodologies:draft-new"), {"region": GUANGZHOU, "title": "骑行 # 试验: 一"})
    made = Draft.objects.get()
    assert answer.headers["Location"] == part(made, "basics")
    assert "# 每条记录要提供什么" in made.source
    assert (made.title, made.region, made.revision) == ("骑行 # 试验: 一", GUANGZHOU, 1)


@pytest.mark.parametrize(
    "slug", ["basics", "inputs", "parameters", "formula", "limits", "evidence", "chapters", "examples", "text"]
)
def test_a_form_that_is_sent_as_it_came_changes_nothing(officer, slug):
    base = MethodologyVersion.objects.get(methodology_id="GD-EV-TRIP")
    draft = services.start_draft(person=person_of(officer).pk, region=GUANGZHOU, at=clock.now(), based_on=base)
    client = browser(officer)
    sent = form_of(client.get(part(draft, slug)))
    answer = client.post(save(draft, slug), sent)
    assert answer.status_code == 302
    draft.refresh_from_db()
    assert draft.revision == 1


def test_a_form_writes_one_value_and_leaves_every_comment(officer, draft):
    client = browser(officer)
    sent = form_of(client.get(part(draft, "inputs")))
    before = draft.source
    client.post(save(draft, "inputs"), {**sent, "f.inputs.0.max": "80"})
    draft.refresh_from_db()
    assert draft.revision == 2
    assert draft.source == before.replace('max: "200"', 'max: "80"')


def test_rows_are_added_named_and_removed_by_buttons(officer, draft):
    client = browser(officer)
    sent = form_of(client.get(part(draft, "parameters")))
    client.post(save(draft, "parameters"), {**sent, "add": "factor"})
    sent = form_of(client.get(part(draft, "parameters")))
    client.post(save(draft, "parameters"), {**sent, "f.parameters.1": "grid"})
    draft.refresh_from_db()
    assert "  grid: {factor: grid.average.guangdong}" in draft.source
    sent = form_of(client.get(part(draft, "parameters")))
    client.post(save(draft, "parameters"), {**sent, "remove": "parameters:1"})
    draft.refresh_from_db()
    assert "grid.average" not in draft.source
    assert "# 每个数都要有出处" in draft.source


def test_a_value_becomes_a_table_by_region_and_an_example_a_refusal(officer, draft):
    client = browser(officer)
    sent = form_of(client.get(part(draft, "parameters")))
    client.post(save(draft, "parameters"), {**sent, "f.parameters.0.by": "region"})
    for what in ("cell:0:0", "value:0"):
        sent = form_of(client.get(part(draft, "parameters")))
        client.post(save(draft, "parameters"), {**sent, "add": what})
    client.post(save(draft, "examples"), {"revision": "4", "add": "example"})
    sent = form_of(client.get(part(draft, "examples")))
    client.post(
        save(draft, "examples"), {**sent, "f.examples.0.refuse": "below_min", "f.examples.0.given.distance": "0"}
    )
    draft.refresh_from_db()
    data = plain_data(draft.source)
    tables = data["parameters"]["saving_per_km"]["values"]
    assert [list(table) for table in tables.values()] == [["440100", "440_2"], ["440100", "440_2"]]
    assert data["examples"][0] == {
        "on": data["effective_from"], "region": GUANGZHOU, "given": {"distance": "0"}, "refuse": "below_min",
    }  # fmt: skip


def test_two_rows_of_one_name_are_refused_and_nothing_is_lost(officer, draft):
    client = browser(officer)
    client.post(save(draft, "inputs"), {"revision": "1", "add": "input"})
    sent = form_of(client.get(part(draft, "inputs")))
    answer = client.post(save(draft, "inputs"), {**sent, "f.inputs.1": "distance"})
    assert answer.status_code == 409
    assert "已经有一行叫“distance”" in answer.content.decode()


# -- saved by itself ---------------------------------------------------------------------------------------------------

HTMX = {"HX-Request": "true"}


def test_a_page_saves_by_itself_and_answers_with_the_check(officer, draft):
    client = browser(officer)
    sent = form_of(client.get(part(draft, "formula")))
    answer = client.post(save(draft, "formula"), {**sent, "f.steps.0.=": "distance + 1"}, headers=HTMX)
    text = answer.content.decode()
    assert "已自动保存" in text
    assert 'id="revision" value="2"' in text
    assert "“+”两边的单位不一致:km 与 1。" in text
    # The page that saved by itself goes on from the number it was drawn with, should the answer have been lost.
    client.post(save(draft, "formula"), {**sent, "f.steps.0.=": "distance * saving_per_km"}, headers=HTMX)
    draft.refresh_from_db()
    assert (draft.revision, draft.edits.count()) == (3, 3)


def test_another_shape_of_the_form_is_drawn_anew(officer, draft):
    client = browser(officer)
    sent = form_of(client.get(part(draft, "inputs")))
    answer = client.post(save(draft, "inputs"), {**sent, "f.inputs.0.type": "choice"}, headers=HTMX)
    assert answer.headers["HX-Refresh"] == "true"


def test_of_two_at_once_the_second_sees_both_texts_and_loses_nothing(officer, draft):
    other = staff("gz-two", Role.CITY_OFFICER, name="李经办", region=GUANGZHOU)
    mine, theirs = browser(officer), browser(other)
    my_form, their_form = (form_of(client.get(part(draft, "basics"))) for client in (mine, theirs))
    theirs.post(save(draft, "basics"), {**their_form, "f.version": "3.0"})
    told = mine.post(save(draft, "basics"), {**my_form, "f.title.zh": "我的名称"}, headers=HTMX)
    assert told.status_code == 422
    assert "对照两份文字" in told.content.decode()
    answer = mine.post(save(draft, "basics"), {**my_form, "f.title.zh": "我的名称"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "李经办" in text
    assert "我的名称" in text
    assert "3.0" in text
    draft.refresh_from_db()
    assert 'version: "3.0"' in draft.source
    sent = html.unescape(re.search(r"<textarea id=\"source\".*?>\n(.*?)</textarea>", text, re.DOTALL)[1])
    assert mine.post(save(draft, "text"), {"revision": "2", "source": sent}).status_code == 302
    draft.refresh_from_db()
    assert draft.title == "我的名称"


# -- what is sent to break it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "status", "sentence"),
    [
        ("x: " + "y" * 300_000, 413, "上限 262144 字节"),
        ("a: 1\0", 400, "不可见的空字符"),
        ("a: &a [1]\nb: *a\n", 302, "不允许锚点"),
        ("a: " + "[" * 100_000, 302, "嵌套超过 12 层"),
        ("{" * 5_000, 302, "键必须是文字"),
        ("：\x07", 302, "不是有效的 YAML"),
        ("", 302, "文件应是一个映射"),
    ],
)
def test_a_hostile_text_is_kept_or_refused_with_a_sentence(officer, draft, source, status, sentence):
    client = browser(officer)
    answer = client.post(save(draft, "text"), {"revision": "1", "source": source})
    assert answer.status_code == status
    page = answer if status != 302 else client.get(part(draft, "text"))
    assert sentence in page.content.decode()
    for slug in ("basics", "examples"):
        assert client.get(part(draft, slug)).status_code == 200
    assert client.get(reverse("methodologies:draft", args=[draft.uuid])).status_code == 200
    assert client.post(save(draft, "basics"), {"revision": "1", "f.title.zh": "x"}).status_code in (302, 409)


FORGED = [
    {"revision": "x"}, {"revision": "9" * 40}, {"revision": "77"}, {"add": "no:such"}, {"add": "cell:9:9"},
    {"add": "value:" + "9" * 30}, {"remove": "inputs:99"}, {"remove": "inputs:distance"}, {"remove": "examples"},
    {"up": "steps:0"}, {"up": "limits:1"}, {"f.inputs.0": "\0"}, {"f.inputs.0.__class__": "x"},
    {"f.steps.0.=": "\n\n"}, {"f.region": "\u202e" * 50}, {"f.participants": ["a", "b"]},
]  # fmt: skip


@pytest.mark.parametrize("slug", ["basics", "inputs", "parameters", "formula", "limits", "examples"])
def test_a_forged_form_is_never_a_fault(officer, draft, slug):
    client = browser(officer)
    for sent in FORGED:
        with transaction.atomic():
            answer = client.post(save(draft, slug), {"revision": "1", **sent})
            transaction.set_rollback(True)
        assert answer.status_code in (302, 400, 404, 409), sent


# -- who may -----------------------------------------------------------------------------------------------------------


def test_who_reads_who_writes_and_for_whom_it_is_not_there(officer, draft):
    page = reverse("methodologies:draft", args=[draft.uuid])
    reads = [
        staff("gz-a", Role.CITY_APPROVER, name="吴审定", region=GUANGZHOU),
        staff("gd-o", Role.PROVINCE_OFFICER, name="郑经办", region=PROVINCE),
        staff("gd-x", Role.AUDITOR, name="冯审计", region=PROVINCE),
    ]
    for user in reads:
        client = browser(user)
        text = client.get(part(draft, "inputs")).content.decode()
        assert "不能修改" in text
        assert 'name="add"' not in text
        assert client.post(save(draft, "text"), {"revision": "1", "source": "a: 1"}).status_code == 404
        assert client.post(reverse("methodologies:draft-forward", args=[draft.uuid])).status_code == 404
    for user in (
        staff("zs-o", Role.CITY_OFFICER, name="外市", region=ZHONGSHAN),
        adviser(Role.RESEARCH_INSTITUTE),
    ):
        assert browser(user).get(page).status_code == 404
        assert draft.title not in browser(user).get(reverse("methodologies:drafts")).content.decode()
    assert browser(adviser(Role.EXPERT)).get(page).status_code == 403
    draft.refresh_from_db()
    assert draft.revision == 1


def test_a_revision_begins_on_a_day_to_come_under_the_next_number(officer):
    base = MethodologyVersion.objects.get(methodology_id="GZ-METRO-RIDE")
    base.successor, base.sunset_on = base, clock.today()
    answer = browser(officer).post(reverse("methodologies:draft-new"), {"region": GUANGZHOU, "base": str(base.pk)})
    assert answer.status_code == 302
    made = Draft.objects.get()
    data = plain_data(made.source)
    assert (data["version"], data["code"], made.based_on) == ("1.1", "GZ-METRO-RIDE", base)
    assert data["effective_from"] > clock.today()
    assert "sunset" not in made.source
    assert "successor" not in made.source


def test_a_proposal_must_have_been_adopted(officer):
    answer = browser(officer).post(
        reverse("methodologies:draft-new"), {"region": GUANGZHOU, "proposal": "P-2026-999999"}
    )
    assert answer.status_code == 422
    assert "没有编号为 P-2026-999999 的已采纳建议" in answer.content.decode()
    assert not Draft.objects.exists()


def test_every_save_is_kept_for_ever_and_can_be_read_again(officer, draft):
    client = browser(officer)
    client.post(save(draft, "text"), {"revision": "1", "source": draft.source + "# 补一句\n"})
    text = client.get(reverse("methodologies:draft-edit", args=[draft.uuid, 2])).content.decode()
    assert "# 补一句" in text
    edit = DraftEdit.objects.get(draft=draft, number=1)
    edit.source = "x"
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        edit.save()
    assert client.get(reverse("methodologies:draft-edit", args=[draft.uuid, 9])).status_code == 404


def test_a_decision_that_is_refused_keeps_the_note_and_no_button_is_no_decision(officer):
    draft = world.begun(officer, source=world.ready_text())
    forwarding.ask_to_forward(draft=draft, actor=actor_of(officer), shown_sha256=draft.sha256, at=clock.now())
    colleague, url = browser(world.approver()), reverse("methodologies:draft-decide", args=[draft.uuid])
    stale = colleague.post(url, {"sha256": "0" * 64, "note": "边界写得不清楚", "decision": "back"})
    unsaid = colleague.post(url, {"sha256": draft.sha256, "note": "边界写得不清楚"})
    assert (stale.status_code, unsaid.status_code) == (409, 400)
    for page in (stale, unsaid):
        assert 'maxlength="2000">边界写得不清楚</textarea>' in page.content.decode()
    assert "请选择同意或退回。" in unsaid.content.decode()
    assert forwarding.request_of(draft).is_open
