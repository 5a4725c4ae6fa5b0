"""A city's officer says on the page of local values that the city goes by the province's."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import selectors as people
from accounts.constants import Role
from accounts.permissions import login_required_with_role
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import NotFound
from methodologies import selectors as library
from methodologies import services
from methodologies.models import MethodologyVersion
from methodologies.queries import read_city
from methodologies.selectors import local_values as selectors
from methodologies.selectors.cities import LocalNeeds


def may_confirm(request: HttpRequest, version: MethodologyVersion, needs: LocalNeeds, city: str) -> bool:
    """Whether this reader is an officer of the city, and the city goes by the province's values and lacks none."""
    if not city or Role.CITY_OFFICER not in people.desk_roles(request.user):
        return False
    owed = selectors.owed_by(needs, city)
    if owed.missing or not owed.shared or not selectors.is_for_all(version):
        return False
    held = people.actor_of(request.user, at=clock.now()).held()
    return any(one == (Role.CITY_OFFICER, city) for one, _principal, _fresh in held)


@require_POST
@login_required_with_role(Role.CITY_OFFICER)
def confirm(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """Go by the province's values, for exactly the text that was shown."""
    found = library.shown_version(code=code, version=version)
    city, person = read_city(request.POST, "city", ""), people.person_of(request.user)
    if not city or person is None:
        raise NotFound
    services.use_province_values(
        version=found, region=city, person=person.uuid, shown_sha256=request.POST.get("shown", ""), at=clock.now()
    )
    messages.success(request, _("已记录：本市沿用省级数值。"))
    return redirect(selectors.local_url(found, city))
