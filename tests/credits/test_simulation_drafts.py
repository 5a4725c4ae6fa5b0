"""A draft is simulated before it is forwarded: from its page, in its author's area, bound to the text that was run."""

import datetime as dt
import hashlib
import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.constants import Role
from credits import services
from credits.models import Simulation
from methodologies.models import Draft, MethodologyVersion
from tests.methodologies.drafting.world import approver, begun, officer, ready_text, saved
from tests.people import PROVINCE, adviser, staff

from .cases import AT, ON, prepare, records, resident

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
GUANGZHOU, FOSHAN = "440100", "440600"
TEXT_OF_PROVINCE = {"code": "GD-RIDE", "region": PROVINCE}


@pytest.fixture
def trips() -> None:
    prepare()
    records(*[{"participant": resident("440106"), "region": "440106", "evidence": "feed"} for _ in range(8)])
    services.quantify_pending(at=AT, until_empty=True)


def login(user) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def text_of(response) -> str:
    return response.content.decode()


def page_of(client: Client, draft: Draft) -> str:
    return text_of(client.get(reverse("methodologies:draft", args=[draft.uuid])))


def form_of(client: Client, draft: Draft):
    return client.get(reverse("credits:simulation-new"), {"draft": str(draft.uuid)})


def started(client: Client, draft: Draft, region: str = GUANGZHOU):
    given = {"version": f"draft:{draft.uuid}", "source": "", "region": region, "against": "",
             "first": str(ON - dt.timedelta(days=30)), "last": str(ON)}  # fmt: skip
    return client.post(reverse("credits:simulation-new"), given)


def test_the_draft_s_page_leads_to_the_form_with_the_draft_and_its_area_chosen(trips) -> None:
    user = officer()
    draft, client = begun(user, source=ready_text()), login(user)
    (href,) = re.findall(r'href="(/staff/simulations/new\?draft=[^"]+)"', page_of(client, draft))
    form = client.get(href).context["form"]
    assert form["version"].value() == f"draft:{draft.uuid}"
    assert form["region"].value() == GUANGZHOU
    assert f'<option value="draft:{draft.uuid}" selected>' in text_of(client.get(href))


def test_a_text_that_is_no_document_is_told_so_on_the_page_and_in_the_form(trips) -> None:
    user = officer()
    draft, client = begun(user, source="code: [x"), login(user)
    assert "才能试算" in page_of(client, draft)
    answer = started(client, draft)
    assert answer.status_code == 400
    assert "方法学文档有" in text_of(answer)
    assert not Simulation.objects.exists()


def test_the_report_is_bound_to_the_text_that_was_run(trips) -> None:
    user = officer()
    draft, client = begun(user, source=ready_text()), login(user)
    run = draft.source
    assert started(client, draft).status_code == 302
    made = Simulation.objects.get()
    saved(draft, user, run + "# later\n")
    services.run_simulation(pk=made.pk)
    made.refresh_from_db()
    assert (made.state, made.source, made.stored_version) == ("done", run, None)
    text_sha256 = hashlib.sha256(run.encode()).hexdigest()
    assert draft.edits.get(number=2).sha256 == text_sha256
    page = text_of(client.get(reverse("credits:simulation", args=[made.pk])))
    assert text_sha256[:16] in page
    assert reverse("methodologies:draft-edit", args=[draft.uuid, 2]) in page
    kept = json.loads(client.get(reverse("credits:simulation-json", args=[made.pk])).content)
    assert kept["text_sha256"] == text_sha256


def test_who_may_not_read_the_draft_gets_no_way_to_it(trips) -> None:
    user = officer()
    draft = begun(user, source=ready_text())
    started(login(user), draft)
    made = Simulation.objects.get()
    services.run_simulation(pk=made.pk)
    expert = adviser(Role.EXPERT)
    page = text_of(login(expert).get(reverse("credits:simulation", args=[made.pk])))
    assert hashlib.sha256(draft.source.encode()).hexdigest()[:16] in page
    assert str(draft.uuid) not in page


def test_another_city_neither_sees_nor_runs_the_draft(trips) -> None:
    draft = begun(officer(), source=ready_text())
    other = login(staff("fs", Role.CITY_OFFICER, name="冼经办", region=FOSHAN))
    assert form_of(other, draft).context["form"]["version"].value() != f"draft:{draft.uuid}"
    assert f"draft:{draft.uuid}" not in text_of(form_of(other, draft))
    assert started(other, draft, FOSHAN).status_code == 400
    assert not Simulation.objects.exists()


def test_the_author_s_area_is_the_only_one_offered(trips) -> None:
    user = officer()
    draft, client = begun(user, source=ready_text()), login(user)
    assert [code for code, _name in form_of(client, draft).context["form"].fields["region"].choices] == [GUANGZHOU]
    assert started(client, draft, FOSHAN).status_code == 400


def test_a_city_does_not_see_what_the_province_is_writing(trips) -> None:
    author = staff("gd-writer", Role.PROVINCE_OFFICER, name="郑经办", region=PROVINCE)
    draft = begun(author, region=PROVINCE, source=ready_text(**TEXT_OF_PROVINCE))
    assert f"draft:{draft.uuid}" in text_of(form_of(login(author), draft))
    assert f"draft:{draft.uuid}" not in text_of(form_of(login(officer()), draft))


def test_a_reader_who_starts_no_simulations_has_no_button(trips) -> None:
    draft = begun(officer(), source=ready_text())
    assert "staff/simulations/new" in page_of(login(approver()), draft)
    auditor = staff("auditor-x", Role.AUDITOR, name="冯审计", region=PROVINCE)
    assert "staff/simulations/new" not in page_of(login(auditor), draft)


def test_drafts_of_the_area_take_part_in_the_ranking(trips) -> None:
    user = officer()
    ready, broken = begun(user, source=ready_text()), begun(user, source="code: [x")
    begun(staff("fs", Role.CITY_OFFICER, name="冼经办", region=FOSHAN), region=FOSHAN,
          source=ready_text(code="FS-RIDE", region=FOSHAN))  # fmt: skip
    client, url = login(user), reverse("credits:simulation-ranking")
    rows = client.get(url).context["rows"]
    mine = [row for row in rows if "href" in row[0]]
    assert [row[0]["href"] for row in mine] == [reverse("methodologies:draft", args=[ready.uuid])]
    assert mine[0][2] == {"text": "起草中", "pill": "info"}
    assert client.post(url, {"region": GUANGZHOU}).status_code == 302
    made = Simulation.objects.get(source=ready.source)
    assert (made.region, made.stored_version) == (GUANGZHOU, None)
    for one in Simulation.objects.all():
        services.run_simulation(pk=one.pk)
    (row,) = [row for row in client.get(url).context["rows"] if "href" in row[0]]
    assert row[4] == "8"  # people; grams and points per tonne beside
    assert row[3] != "–"
    assert row[5] != "–"
    assert broken.source not in {one.source for one in Simulation.objects.all()}


def test_a_draft_that_became_a_version_stands_once(trips) -> None:
    user = officer()
    draft = begun(user, source=ready_text(code="GZ-METRO-RIDE", version="1.0"))
    version = MethodologyVersion.objects.get(methodology_id="GZ-METRO-RIDE")
    Draft.objects.filter(pk=draft.pk).update(source=version.source)
    rows = login(user).get(reverse("credits:simulation-ranking")).context["rows"]
    assert not [row for row in rows if "href" in row[0]]
