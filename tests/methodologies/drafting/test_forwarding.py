"""报送: the gate, the second person, the version that comes of it, and the way back."""

import datetime as dt

import pytest

from accounts.constants import Role
from accounts.selectors import actor_of
from carbon_portal.kernel import approval_errors, approvals, clock
from methodologies.constants import StageState
from methodologies.drafting import errors
from methodologies.drafting import text as texts
from methodologies.models import Draft, MethodologyVersion, Proposal, Stage
from methodologies.selectors import drafts as selectors
from methodologies.selectors.review import authors_of
from methodologies.services import drafts, forwarding, proposals, stages
from tests.methodologies.drafting import world
from tests.methodologies.ideas import proposal
from tests.people import GUANGZHOU, PROVINCE, ZHONGSHAN, adviser, person_of, resident, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer():
    world.sync()
    return world.officer()


@pytest.fixture
def approver():
    return world.approver()


@pytest.fixture
def draft(officer):
    return world.begun(officer, source=world.ready_text())


def ask(draft, user):
    return forwarding.ask_to_forward(draft=draft, actor=actor_of(user), shown_sha256=draft.sha256, at=clock.now())


def forward(draft, user, shown=""):
    return forwarding.forward_draft(
        draft=draft, actor=actor_of(user), shown_sha256=shown or draft.sha256, at=clock.now(), note="同意"
    )


def edited(draft, **changes):
    """The text with other values; None takes a key out."""
    data = texts.plain_data(draft.source)
    new = {key: changes.get(key, value) for key, value in data.items() if changes.get(key, value) is not None}
    return texts.change(draft.source, new)


# -- the gate ----------------------------------------------------------------------------------------------------------


def chapters(data):
    return {**data["chapters"], "monitoring": ""}


def steps(data):
    return {"reduction": "saving_per_ride * distance"}


def few(data):
    return data["examples"][:2]


def all_counted(data):
    return [*data["examples"][:2], data["examples"][0]]


def wrong(data):
    return [{**data["examples"][0], "expect": 516}, *data["examples"][1:]]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("chapters", chapters, "章节“监测”（monitoring）尚未填写"),
        ("chapters", lambda data: {}, "章节“适用范围”（scope）尚未填写"),
        ("steps", steps, "单位"),
        ("steps", lambda data: {"reduction": "saving_per_ride +"}, "此处应为数、名称或括号"),
        ("examples", few, "报送至少需要 3 个算例"),
        ("examples", all_counted, "报送至少需要 3 个算例，其中一个是拒绝的例子".replace("，", ",")),
        ("examples", wrong, "算例 1 应得 516 g，实得 515 g"),
        ("region", lambda data: ZHONGSHAN, "发布地区应是 440100"),
        ("level", lambda data: "provincial", "级别应是 city"),
        ("effective_from", lambda data: dt.date(2026, 1, 1), "生效日期已到或已过"),
        ("code", lambda data: "GD-METRO-TRIP", "代码 GD-METRO-TRIP 已登记"),
        ("code", lambda data: "GZ-METRO-RIDE", "GZ-METRO-RIDE 第 1.0 版已经有了"),
        ("code", lambda data: "DRAFT-440100", "代码还是暂用的"),
        ("version", lambda data: "v" * 30, "version 太长"),
        ("inputs", lambda data: None, "缺少键“inputs”"),
    ],
)
def test_the_gate_names_what_is_missing(officer, draft, key, value, sentence):
    draft = world.saved(draft, officer, edited(draft, **{key: value(texts.plain_data(draft.source))}))
    with pytest.raises(errors.DraftIncomplete) as refusal:
        ask(draft, officer)
    assert any(sentence in finding.zh for finding in refusal.value.data["findings"])
    assert refusal.value.data["findings"][0].zh in refusal.value.detail
    draft.refresh_from_db()
    assert draft.state == "open"


def test_a_text_that_is_no_document_is_not_forwarded(officer, draft):
    draft = world.saved(draft, officer, "a: [")
    with pytest.raises(errors.DraftIncomplete, match="not valid YAML"):
        ask(draft, officer)


# -- two people --------------------------------------------------------------------------------------------------------


def test_one_asks_another_forwards_and_it_is_a_submitted_version(officer, approver, draft):
    ask(draft, officer)
    assert [request.subject for request in approvals.open_for(actor_of(approver))] == [str(draft)]
    version = forward(draft, approver)
    assert (str(version), version.state, version.source) == ("GZ-RIDE@1.0", "submitted", draft.source)
    assert (draft.state, draft.version) == ("submitted", version)
    stage = Stage.objects.get(version=version)
    assert (stage.state, stage.person, stage.role) == ("submitted", approver.person_id, "city_approver")
    with pytest.raises(errors.DraftIsAway):
        world.saved(draft, officer, world.ready_text(code="GZ-OTHER"))


def test_an_author_forwards_nothing_and_neither_does_another_city(officer, approver, draft):
    world.saved(draft, approver, draft.source + "# 我也改过\n")
    draft.refresh_from_db()
    ask(draft, officer)
    with pytest.raises(approval_errors.AuthorDecides):
        forward(draft, approver)
    with pytest.raises(approval_errors.OwnRequest):
        forward(draft, officer)
    for stranger in (
        world.approver("zs-approver", region=ZHONGSHAN),
        staff("gd-officer", Role.PROVINCE_OFFICER, name="郑经办", region=PROVINCE),
    ):
        with pytest.raises(approval_errors.NotAuthorised):
            forward(draft, stranger)
    assert not MethodologyVersion.objects.filter(methodology_id="GZ-RIDE").exists()


def test_an_edit_voids_the_request_and_a_stale_page_forwards_nothing(officer, approver, draft):
    ask(draft, officer)
    seen = draft.sha256
    draft = world.saved(draft, officer, draft.source + "# 补一句\n")
    assert draft.state == "open"
    with pytest.raises(errors.NothingToForward):
        forward(draft, approver, seen)
    ask(draft, officer)
    with pytest.raises(approval_errors.StalePage):
        forward(draft, approver, seen)
    forward(draft, approver)


def test_asking_for_a_text_that_is_no_more_or_twice_is_refused(officer, draft):
    with pytest.raises(approval_errors.StalePage):
        forwarding.ask_to_forward(draft=draft, actor=actor_of(officer), shown_sha256="0" * 64, at=clock.now())
    ask(draft, officer)
    with pytest.raises(errors.AlreadyAsked):
        ask(draft, officer)


def test_sent_back_says_why_and_is_open_again(officer, approver, draft):
    ask(draft, officer)
    back = {"draft": draft, "actor": actor_of(approver), "shown_sha256": draft.sha256, "at": clock.now()}
    with pytest.raises(approval_errors.NoteNeeded):
        forwarding.send_back(**back, note=" ")
    forwarding.send_back(**back, note="基准年要写明")
    assert draft.state == "open"
    assert approvals.request_for(forwarding.CITY, str(draft)).why == "基准年要写明"
    ask(draft, officer)


@pytest.mark.parametrize("role", [Role.PROVINCE_OFFICER, Role.RESEARCH_INSTITUTE])
def test_a_draft_of_the_province_needs_another_person_in_another_role(officer, role):
    if role == Role.RESEARCH_INSTITUTE:
        author = adviser(role)
        other = staff("gd-officer", Role.PROVINCE_OFFICER, name="郑经办", region=PROVINCE)
    else:
        author = staff("gd-officer", role, name="郑经办", region=PROVINCE)
        other = staff("gd-approver", Role.PROVINCE_APPROVER, name="王审定", region=PROVINCE)
    draft = world.begun(author, region=PROVINCE, source=world.ready_text(code="GD-RIDE", region=PROVINCE))
    ask(draft, author)
    assert forward(draft, other).methodology.region == PROVINCE


# -- returned by the province ------------------------------------------------------------------------------------------


def test_what_the_province_returns_opens_with_its_list_and_is_forwarded_again(officer, approver, draft):
    ask(draft, officer)
    version = forward(draft, approver)
    stages.enter(version=version, state=StageState.RETURNED, at=clock.now(), note="缺 1 项：测算示例的出处")
    draft = Draft.objects.select_related("version").get(pk=draft.pk)
    assert draft.is_returned
    assert selectors.return_note(draft) == "缺 1 项：测算示例的出处"
    draft = world.saved(draft, officer, draft.source.replace("按次计量，与里程无关", "按次计量，见表 2"))
    assert approvals.approved_content(forwarding.CITY, str(draft)) is None
    ask(draft, officer)
    again = forward(draft, approver)
    assert (again.pk, again.state) == (version.pk, "submitted")
    assert again.sha256 != version.sha256
    assert list(Stage.objects.filter(version=version).order_by("id").values_list("state", flat=True)) == [
        "submitted",
        "returned",
        "submitted",
    ]


def test_who_saved_or_forwarded_anything_is_an_author_of_the_version(officer, approver, draft):
    second = world.officer("gz-officer-2")
    draft = world.saved(draft, second, draft.source + "# 二\n")
    assert set(selectors.authors_of(draft)) == {person_of(officer).pk, person_of(second).pk}
    ask(draft, officer)
    version = forward(draft, approver)
    assert authors_of(version) == {person_of(one).pk for one in (officer, second, approver)}


def test_a_draft_from_an_adopted_idea_names_its_proposer_once_it_is_forwarded(officer, approver):
    citizen = resident("+8613911112222", name="陈阿姨")
    now = clock.now()
    idea = proposal(citizen, at=now)
    proposals.accept_proposal(proposal=idea, actor=person_of(officer), note="", at=now)
    with pytest.raises(errors.ProposalNotAdopted):
        drafts.start_draft(person=person_of(officer).pk, region=GUANGZHOU, at=now, proposal_number=idea.number)
    # Adopted, as the two people of that page do it (tests/methodologies/test_proposals.py).
    Proposal.objects.filter(pk=idea.pk).update(state="adopted", answer="采纳，谢谢。", answered_at=now)
    draft = drafts.start_draft(person=person_of(officer).pk, region=GUANGZHOU, at=now, proposal_number=idea.number)
    assert (draft.title, draft.proposal_number) == (idea.what, idea.number)
    draft = world.saved(draft, officer, world.ready_text())
    ask(draft, officer)
    forward(draft, approver)
    idea.refresh_from_db()
    assert idea.methodology_id == "GZ-RIDE"
