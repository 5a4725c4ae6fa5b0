"""One row of a file becomes a deed ready to be stored, or a refusal with row, column and sentence."""

import datetime as dt
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.models import Participant, Provider
from behaviors import activities, deeds
from behaviors.constants import EvidenceGrade, RecordState
from behaviors.declared import Declared, frozen, is_eligible
from behaviors.errors import BadField, UnreadableFile
from carbon_portal.kernel import clock
from methodologies import selectors as methodologies

from .xlsx_child import LOST_PRECISION

FIELDS = (
    "source_record_id", "participant", "activity", "provider", "occurred_on", "started_at", "ended_at", "meter",
    "period_start", "period_end", "item_serial", "region", "town", "evidence", "note",
)  # fmt: skip
REQUIRED = ("source_record_id", "participant", "region")
_FEED, _SELF_DECLARED = EvidenceGrade.FEED.value, EvidenceGrade.SELF_DECLARED.value
_UNDER_REVIEW, _RECEIVED = RecordState.UNDER_REVIEW.value, RecordState.RECEIVED.value
_INPUT = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_DATE = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", re.ASCII)
_TIME = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?(Z|[+-]\d{2}:\d{2})?", re.ASCII
)
_SINGLE_DIGIT = re.compile(r"(?<![\d.])(\d)(?=[-/ T:]|$)", re.ASCII)
_SERIAL_DATE = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
_EXCEL_DAY_ZERO = dt.date(1899, 12, 30)


@dataclass(frozen=True, slots=True)
class RowError:
    """One refused cell, as the sender numbers rows and names columns."""

    row: int
    column: str
    code: str
    message: str
    message_en: str


@dataclass(frozen=True, slots=True)
class Account:
    """What of a participant a row needs."""

    uuid: UUID
    kind: str
    person: UUID | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class ReadyRow:
    """A row that can be stored, with its digests."""

    row: int
    deed: deeds.Deed
    account: Account
    provider: Provider | None
    number: str
    source: bytes
    identity: bytes | None
    content: str
    state: str


class RowReader:
    """Reads rows of one table. `prepare` looks up what a chunk names; `read` then asks the database nothing, so that
    it may run beside the storing of the chunk before."""

    def __init__(self, columns: Sequence[str], *, provider: Provider | None, activity: str, at: dt.datetime) -> None:
        self.columns = list(columns)
        self.at = at
        self.activity = activity
        self.provider = provider
        self._providers: dict[str, Provider | None] = {}
        self.accounts: dict[str, Account | None] = {}
        self._versions = methodologies.VersionTable()
        self._declared: dict[tuple[str, str, dt.date], Declared | None] = {}
        self._by_version: dict[str, dict[int, Declared]] = {}
        self.places = {name: place for place, name in enumerate(self.columns)}
        self.inputs = [name for name in self.columns if name not in FIELDS]
        self._check_columns()

    def _check_columns(self) -> None:
        for name in self.inputs:
            if not _INPUT.fullmatch(name) or name == "binding":
                near = difflib.get_close_matches(name[:40], FIELDS, n=1, cutoff=0.6)
                hint, hint_en = (f"是否指“{near[0]}”？", f" Did you mean “{near[0]}”?") if near else ("", "")
                raise UnreadableFile(
                    f"第 1 行的列“{name[:40]}”无法识别。{hint}可用的列是记录的字段名和方法学的输入名。",
                    f"Row 1: unknown column “{name[:40]}”.{hint_en} Use fields of a record and inputs.",
                )
        wanted = (*REQUIRED, *(() if self.activity else ("activity",)))
        if missing := [name for name in wanted if name not in self.places]:
            raise UnreadableFile(
                f"第 1 行缺少列：{'、'.join(missing)}。", f"Row 1 lacks the columns {', '.join(missing)}."
            )

    def prepare(self, rows: Sequence[tuple[int, list[str]]]) -> None:
        """Fetch the participants, providers and methodologies that these rows name: one query for each kind."""
        self._fetch_accounts(self._named("participant", rows))
        codes = self._named("provider", rows) - self._providers.keys() - {""}
        known = {one.code: one for one in Provider.objects.filter(code__in=_askable(codes, 40), is_active=True)}
        self._providers.update({code: known.get(code) for code in codes})
        for code in {self.activity, *self._named("activity", rows)} - self._by_version.keys():
            if activities.find(code) is not None:
                versions = self._versions.of_activity(code)
                self._by_version[code] = {row.pk: frozen(row.pk, row.sha256) for row in versions}

    def _named(self, column: str, rows: Sequence[tuple[int, list[str]]]) -> set[str]:
        """What stands in a column, each text once."""
        place = self.places.get(column)
        if place is None:
            return set()
        return {cell.strip() for cell in {cells[place] for _, cells in rows if len(cells) > place}}

    def _fetch_accounts(self, names: set[str]) -> None:
        names = names - self.accounts.keys()
        found = {
            public_id: Account(key, kind, person, active)
            for public_id, key, kind, person, active in Participant.objects.filter(
                public_id__in=_askable(names, 20)
            ).values_list("public_id", "uuid", "kind", "person_id", "is_active")
        }
        for name in names:
            self.accounts[name] = found.get(name)

    def read(self, row: int, cells: list[str]) -> ReadyRow | RowError:
        """The row ready to be stored, or why not."""
        width = len(self.columns)
        if len(cells) > width and any(cells[width:]):
            return RowError(
                row,
                f"#{width + 1}",
                "too_many_cells",
                f"这一行有 {len(cells)} 格，表头只有 {width} 列。请检查多余的逗号。",
                f"This row has {len(cells)} cells, the header {width}. Look for a comma too many.",
            )
        told = {name: cell.strip() for name, cell in zip(self.columns, cells, strict=False) if cell}
        try:
            return self._ready(row, {name: value for name, value in told.items() if value})
        except BadField as error:
            return RowError(row, error.field, error.sub_code, _shown(error.detail), _shown(error.detail_en))

    def _ready(self, row: int, told: Mapping[str, str]) -> ReadyRow:
        for name, value in told.items():
            if value == LOST_PRECISION:
                raise BadField(
                    name,
                    "lost_precision",
                    "数字超过 15 位，表格软件已丢失末尾几位。请把该列设为文本后重新填写。",
                    "The number has more than 15 digits, of which the spreadsheet lost some. Store the column as text.",
                )
        number = deeds.check_source_record_id(told.get("source_record_id", ""))
        account = self._account(told.get("participant", ""))
        provider = self.provider_of(told.get("provider", ""))
        kind = self._kind(told.get("activity", "") or self.activity)
        deed = deeds.check(
            participant=account.uuid,
            activity=kind.code,
            inputs={name: told[name] for name in self.inputs if name in told},
            region=told.get("region", ""),
            evidence=told.get("evidence") or (_FEED if provider else _SELF_DECLARED),
            at=self.at,
            occurred_on=date_of("occurred_on", told),
            started_at=time_of("started_at", told),
            ended_at=time_of("ended_at", told),
            meter=told.get("meter", ""),
            period_start=date_of("period_start", told),
            period_end=date_of("period_end", told),
            item_serial=told.get("item_serial", ""),
            town=told.get("town", ""),
            note=told.get("note", ""),
        )
        version = self.version(deed.activity, deed.region, deed.occurred_on)
        if not account.is_active or not is_eligible(account.kind, kind, version):
            raise BadField(
                "participant",
                "participant_not_eligible",
                f"“{kind.title.zh}”不适用于这类账户，或账户已注销。",
                f"“{kind.title.en}” is not open to this kind of account, or the account is closed.",
            )
        if version is not None:
            deeds.check_inputs_declared(deed.inputs, version.inputs)
        scope = deeds.source_scope(provider_code=provider.code if provider else "", participant=account.uuid)
        return ReadyRow(
            row=row,
            deed=deed,
            account=account,
            provider=provider,
            number=number,
            source=deeds.source_digest(scope=scope, source_record_id=number),
            identity=deed.identity_digest(),
            content=deed.content_sha256(),
            state=_UNDER_REVIEW if deed.is_too_fast() else _RECEIVED,
        )

    def _account(self, name: str) -> Account:
        if not name:
            raise BadField("participant", "missing_input", "缺少参与者编号。", "The participant is missing.")
        account = self.accounts.get(name)
        if account is None:
            raise BadField(
                "participant",
                "unknown_participant",
                f"没有编号为“{name[:20]}”的参与者。",
                f"There is no participant “{name[:20]}”.",
            )
        return account

    def provider_of(self, code: str) -> Provider | None:
        """The provider of a cell, or the table's where the cell is empty. Errors: BadField."""
        if not code:
            return self.provider
        found = self._providers.get(code)
        if found is None:
            raise BadField(
                "provider",
                "unknown_provider",
                f"没有代码为“{code[:40]}”的数据提供方。",
                f"There is no provider “{code[:40]}”.",
            )
        return found

    def _kind(self, code: str) -> activities.Activity:
        found = activities.find(code)
        if found is not None:
            return found
        near = difflib.get_close_matches(code[:40], activities.activities(), n=1, cutoff=0.4)
        closest = activities.activity(near[0]) if near else None
        raise BadField(
            "activity",
            "unknown_activity",
            f"行为代码“{code[:40]}”不在代码表中。"
            + (f"最接近：{closest.code} {closest.title.zh}。" if closest else ""),
            f"The activity code “{code[:40]}” is not on the list."
            + (f" Closest: {closest.code} ({closest.title.en})." if closest else ""),
        )

    def version(self, activity: str, region: str, on: dt.date) -> Declared | None:
        """What the version in force asks for; None where nothing is."""
        key = (activity, region, on)
        if key not in self._declared:
            row = self._versions.find(*key)
            self._declared[key] = self._by_version[activity][row.pk] if row is not None else None
        return self._declared[key]


def _askable(names: set[str], longest: int) -> list[str]:
    """Those that the database could know and take."""
    return [name for name in names if name and len(name) <= longest and "\x00" not in name]


def date_of(name: str, told: Mapping[str, str]) -> dt.date | None:
    """The date in a column. Errors: BadField."""
    text = told.get(name)
    if not text:
        return None
    match = _DATE.fullmatch(text)
    if match is None:
        raise _not_a_date(name, text)
    try:
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise _not_a_date(name, text) from None


def time_of(name: str, told: Mapping[str, str]) -> dt.datetime | None:
    """The moment in a column; without a zone it is Beijing time. Errors: BadField."""
    text = told.get(name)
    if not text:
        return None
    if not _TIME.fullmatch(text):
        raise _not_a_date(name, text)
    try:
        moment = dt.datetime.fromisoformat(text if text[4:5] == text[7:8] == "-" and len(text) > 15 else _padded(text))
    except ValueError:
        raise _not_a_date(name, text) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=clock.LOCAL_ZONE)


def _padded(text: str) -> str:
    """2026/1/5 8:00 as 2026-01-05 08:00."""
    return _SINGLE_DIGIT.sub(r"0\1", text.replace("/", "-"))


def _not_a_date(name: str, text: str) -> BadField:
    if _SERIAL_DATE.fullmatch(text):
        meant = (_EXCEL_DAY_ZERO + dt.timedelta(days=int(text[:5]))).isoformat()
        return BadField(
            name,
            "excel_serial",
            f"“{text[:12]}”像是表格软件的日期序号（相当于 {meant}）。请把该列设为日期格式，或写成 2026-11-21。",
            f"“{text[:12]}” looks like a spreadsheet's serial for {meant}. Format the column as a date.",
        )
    return BadField(
        name,
        "not_a_date",
        f"“{text[:30]}”不是日期或时间。请写成 2026-11-21 或 2026-11-21 08:30。",
        f"“{text[:30]}” is no date or time. Write 2026-11-21 or 2026-11-21 08:30.",
    )


def _shown(text: str) -> str:
    """The sentence without what can't be shown or stored: it quotes cells."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
