"""A simulation is put on file for a decision. The simulator lives above and hands over what it found."""

import datetime as dt
import uuid
from typing import Any

from django.db import transaction

from carbon_portal.kernel import audit
from methodologies.errors import NotThisContent
from methodologies.models import MethodologyVersion, SimulationOnFile


def file_simulation(
    *, version: MethodologyVersion, sha256: str, report_uid: uuid.UUID, summary: dict[str, Any], by: uuid.UUID,
    at: dt.datetime,
) -> SimulationOnFile:  # fmt: skip
    """Put a report on file for the content that was run; filing the same report again returns the first row.

    The version row is locked, so that the hash compared is the one that stands. Errors: NotThisContent.
    """
    with transaction.atomic():
        locked = MethodologyVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
        known = SimulationOnFile.objects.filter(report_uid=report_uid, version=locked).first()
        if known is not None:
            return known
        if locked.sha256 != sha256:
            raise NotThisContent(version=str(locked))
        filed = SimulationOnFile.objects.create(
            version=locked, sha256=sha256, report_uid=report_uid, summary=summary, by=by, at=at
        )
        audit.record_event(
            verb="methodology.simulation_filed", target=f"methodology:{locked}", actor=by,
            region=locked.methodology.region, data={"sha256": sha256, "report": str(report_uid)},
        )  # fmt: skip
    return filed
