"""The library on disk becomes rows here. Nothing else writes methodologies."""

import datetime as dt
import json
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from carbon_portal.kernel import audit
from carbon_portal.kernel.models import Approval
from methodologies.constants import FOUNDING_KIND, FROZEN_STATES, VersionState
from methodologies.engine import load_document, load_factors
from methodologies.engine.document import Document
from methodologies.engine.document import FactorLibrary as Factors
from methodologies.engine.parameters import build_tables
from methodologies.errors import (
    AnotherCodeInForce,
    FactorChanged,
    FactorIsSample,
    LibraryError,
    PublishedVersionChanged,
    ScopeChanged,
    VersionInReview,
)
from methodologies.models import FactorLibrary, Methodology, MethodologyVersion
from methodologies.selectors.samples import SAMPLE, sample_names

from .vintages import with_vintages

LIBRARY = Path(__file__).parents[1] / "library"
FACTORS_FILE = "factors.yaml"
_SCOPE = ("activity", "region", "level", "sector")


@dataclass
class SyncReport:
    """What a sync did, by `CODE@version`."""

    published: list[str] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    with_samples: dict[str, str] = field(default_factory=dict)  # drafts for their sample figures: names of these
    unchanged: list[str] = field(default_factory=list)
    refused: list[LibraryError] = field(default_factory=list)
    factors_changed: bool = False


def sync_library(*, at: dt.datetime, folder: Path = LIBRARY) -> SyncReport:
    """Bring a folder of documents into the database; running it again changes nothing.

    A code unknown there is published with an approval marked `founding`; a new version of a known code enters as draft;
    a changed published version is refused and the others go on. Outside the demo a new code with sample figures is not
    published: all of its versions enter as drafts (`with_samples` says why). Founding takes the database role that owns
    the tables, which `manage.py methodology sync` picks. Errors: DocumentError for a document that does not load,
    before anything is written; FactorChanged, FactorIsSample.
    """
    documents = [
        load_document(path.read_bytes(), name=path.name)
        for path in sorted(folder.glob("*.yaml"))
        if path.name != FACTORS_FILE
    ]
    factors_path = folder / FACTORS_FILE
    report = SyncReport()
    if factors_path.exists():
        factors_source = factors_path.read_bytes()
        factors = load_factors(factors_source, name=FACTORS_FILE)
        report.factors_changed = _sync_factors(factors, factors_source.decode("utf-8"), at)
    by_code: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        by_code[document.code].append(document)
    for code in sorted(by_code):
        versions = sorted(by_code[code], key=lambda document: (document.effective_from, document.version))
        try:
            with transaction.atomic():
                _sync_code(code, versions, folder, at, report)
        except LibraryError as error:
            report.refused.append(error)
    return report


def _sync_factors(factors: Factors, source: str, at: dt.datetime) -> bool:
    """Append the file as a row unless the newest row has the same content."""
    newest = FactorLibrary.objects.order_by("-id").first()
    factors, source = with_vintages(factors, source)
    if newest is not None:
        if newest.sha256 == factors.sha256:
            return False
        _refuse_changed_values(load_factors(newest.source, name=FACTORS_FILE), factors)
    _refuse_sample_values(factors)
    with transaction.atomic():
        row = FactorLibrary.objects.create(sha256=factors.sha256, source=source, synced_at=at)
        audit.record_event(verb="factors.synced", target=f"factor_library:{row.pk}", data={"sha256": factors.sha256})
    return True


def _refuse_changed_values(before: Factors, after: Factors) -> None:
    """Values stay as they were; sources, confidence and best-before may be corrected, values may be added."""
    for code, factor in before.factors.items():
        now = after.factors.get(code)
        kept = {} if now is None or now.unit != factor.unit or now.basis != factor.basis else dict(now.values)
        for start, entry in factor.values:
            if start not in kept or kept[start].value.fraction != entry.value.fraction:
                raise FactorChanged(factor=code, start=start)


def _refuse_sample_values(factors: Factors) -> None:
    """A shared factor reaches every published method that uses it, so outside the demo none is a sample."""
    if settings.DEMO:
        return
    for code, factor in factors.factors.items():
        for start, entry in factor.values:
            if entry.confidence == SAMPLE:
                raise FactorIsSample(factor=code, start=start.isoformat())


def _samples_in(documents: list[Document]) -> dict[str, str]:
    """CODE@version → names of its sample figures, of these documents; none counts where the portal is a demo."""
    if settings.DEMO:
        return {}
    newest = FactorLibrary.objects.order_by("-id").first()
    factors = load_factors(newest.source, name=FACTORS_FILE) if newest else None
    found = {f"{one.code}@{one.version}": ", ".join(sample_names(build_tables(one, factors)[0])) for one in documents}
    return {label: names for label, names in found.items() if names}


def _sync_code(code: str, versions: list[Document], folder: Path, at: dt.datetime, report: SyncReport) -> None:
    methodology = Methodology.objects.select_for_update().filter(code=code).first()
    samples = _samples_in(versions) if methodology is None else {}
    # A code is founded as a whole or not at all: with a draft in it, it would be known.
    founding = methodology is None and not samples
    report.with_samples |= samples
    if methodology is None:
        first = versions[0]
        methodology = Methodology.objects.create(code=code, **{key: getattr(first, key) for key in _SCOPE})
    known = {version.version: version for version in methodology.versions.all()}
    published: list[MethodologyVersion] = []
    for document in versions:
        _refuse_other_scope(methodology, document)
        label = f"{code}@{document.version}"
        row = known.get(document.version)
        if row is not None and row.sha256 == document.sha256:
            report.unchanged.append(label)
        elif row is not None and row.state in FROZEN_STATES:
            raise PublishedVersionChanged(code=code, version=document.version)
        elif row is not None and row.state != VersionState.DRAFT:
            raise VersionInReview(code=code, version=document.version)
        elif founding:
            published.append(_publish_founding(methodology, document, folder, at))
            report.published.append(label)
        else:
            _keep_draft(methodology, row, document, folder, at)
            report.drafts.append(label)
    for earlier, later in pairwise(published):
        earlier.state, earlier.successor = VersionState.SUPERSEDED, later
        earlier.save(update_fields=["state", "successor"])
    if published:
        _update_span(methodology)


def _refuse_other_scope(methodology: Methodology, document: Document) -> None:
    for key in _SCOPE:
        if getattr(methodology, key) != getattr(document, key):
            raise ScopeChanged(code=methodology.code, key=key)


def _content(document: Document, folder: Path) -> dict[str, Any]:
    return {
        "effective_from": document.effective_from,
        "sha256": document.sha256,
        "source": (folder / document.name).read_text(encoding="utf-8"),
        "document": plain(document),
        "title_zh": document.title["zh"],
        "title_en": document.title.get("en", ""),
        "certifiable": document.certifiable,
    }


def plain(document: Document) -> Any:
    """The document as JSON types: what its SHA-256 is taken over (dates as ISO text)."""
    return json.loads(json.dumps(document.data, default=lambda value: value.isoformat(), ensure_ascii=False))


def _publish_founding(
    methodology: Methodology, document: Document, folder: Path, at: dt.datetime
) -> MethodologyVersion:
    Approval.objects.create(
        kind=FOUNDING_KIND,
        subject=f"methodology:{methodology.code}@{document.version}",
        content_sha256=document.sha256,
        basis=Approval.Basis.FOUNDING,
        decided_at=at,
        note="随系统发布的方法学库 (shipped with the installation)",
    )
    version = MethodologyVersion.objects.create(
        methodology=methodology,
        version=document.version,
        state=VersionState.PUBLISHED,
        published_at=at,
        created_at=at,
        **_content(document, folder),
    )
    audit.record_event(
        verb="methodology.published", target=f"methodology:{version}", region=methodology.region,
        data={"sha256": document.sha256, "basis": "founding"},
    )  # fmt: skip
    return version


def _keep_draft(
    methodology: Methodology, row: MethodologyVersion | None, document: Document, folder: Path, at: dt.datetime
) -> None:
    if row is None:
        row = MethodologyVersion(methodology=methodology, version=document.version, created_at=at)
    row.state = VersionState.DRAFT
    for name, value in _content(document, folder).items():
        setattr(row, name, value)
    row.save()
    audit.record_event(
        verb="methodology.draft_synced", target=f"methodology:{row}", region=methodology.region,
        data={"sha256": document.sha256},
    )  # fmt: skip


def _update_span(methodology: Methodology) -> None:
    """The dates on which some version of the code is in force: from the first effective date to the last sunset."""
    versions = [
        version for version in methodology.versions.order_by("effective_from") if version.state in FROZEN_STATES
    ]
    lower = versions[0].effective_from
    last = versions[-1]
    upper = last.sunset_on + dt.timedelta(days=1) if last.sunset_on and last.state == VersionState.WITHDRAWN else None
    methodology.in_force = DateRange(lower, upper if upper is None or upper > lower else lower)
    try:
        with transaction.atomic():
            methodology.save(update_fields=["in_force"])
    except IntegrityError as error:
        raise AnotherCodeInForce(
            code=methodology.code, activity=methodology.activity, region=methodology.region
        ) from error
