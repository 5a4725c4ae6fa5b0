"""What the page of a version says of how it is verified, in one line of its template."""

from typing import Any

from django import template

from carbon_portal.kernel import clock
from methodologies import guides
from methodologies.models import MethodologyVersion

register = template.Library()


@register.inclusion_tag("methodologies/_guide_met.html")
def guide_met(version: MethodologyVersion) -> dict[str, Any]:
    """`{% guide_met version %}`: the verification guide in force when the version was published. No query."""
    day = clock.local_date(version.published_at) if version.published_at else version.effective_from
    return {"guide": guides.guide_on(day)}
