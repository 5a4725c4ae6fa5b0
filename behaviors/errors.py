"""Refusals of this app. Each is a sentence that says what happened, why, and what to do."""

from carbon_portal.kernel.errors import DomainError, InvalidInput


class BadField(InvalidInput):
    """One field of a record can't be used; `data` carries field, sub-code and both sentences."""

    def __init__(self, field: str, sub_code: str, zh: str, en: str) -> None:
        self.field, self.sub_code = field, sub_code
        entry = {"field": field, "code": sub_code, "message": zh, "message_en": en}
        super().__init__(field=field, reason=zh, reason_en=en, errors=[entry])


class DeedConflict(DomainError):
    """The same source key with other content (L6)."""

    code = "deed_conflict"
    http_status = 409
    title = "同一编号内容不同"
    title_en = "Same number, other content"
    zh = (
        "编号“{source_record_id}”已于 {received} 收到，但内容不同，本次没有写入，先收到的一条仍然有效。"
        "如是新的行为，请换一个编号；如要更正，请先撤销原记录。"
    )
    en = (
        "The number “{source_record_id}” was received on {received} with other content, so nothing was written and the "
        "first record stands. Use a new number for a new deed, or withdraw the first record to correct it."
    )


class DailyCapReached(DomainError):
    """Self-declared records per participant, activity and day are limited (activities.yaml)."""

    code = "self_declared_cap"
    http_status = 409
    title = "今日自行申报已满"
    title_en = "Daily limit reached"
    zh = "{day} 的“{activity}”自行申报已满 {limit} 次，本次没有写入。有数据直连或已核凭证的记录不受此限。"
    en = (
        "You have already declared “{activity_en}” {limit} times for {day}; nothing was written. Records "
        "from a data feed or with a checked proof are not limited."
    )


class PictureUsed(DomainError):
    """A picture counts once in the province (Q7)."""

    code = "picture_used"
    http_status = 409
    title = "照片已使用过"
    title_en = "Picture already used"
    zh = "这张照片已在 {received} 用于一条记录，每张照片只能使用一次，本次没有写入。请换一张照片，或不附照片直接提交。"
    en = (
        "This picture was already used for a record on {received}; each picture counts once, so nothing was "
        "written. Choose another picture or submit without one."
    )


class TooManyPhotos(DomainError):
    """A person's photos of one day are limited in number and in size (T46)."""

    code = "too_many_photos"
    http_status = 429
    title = "今日照片已满"
    title_en = "Daily limit of photos reached"
    zh = (
        "为了不占满存储空间，每人每天最多存 {limit} 张照片、共 {megabytes} MB，加上这张就超过了，本次没有写入。"
        "请不附照片直接提交，或明天再附照片。"
    )
    en = (
        "To save space, each person may store {limit} photos a day, {megabytes} MB in all; this one would be more, so "
        "nothing was written. Submit without a photo, or attach it tomorrow."
    )


class BadPicture(InvalidInput):
    """What was sent as a photo can't be kept."""

    code = "bad_picture"

    def __init__(self, zh: str, en: str) -> None:
        entry = {"field": "photo", "code": self.code, "message": zh, "message_en": en}
        super().__init__(field="photo", reason=zh, reason_en=en, errors=[entry])


class TooLateToCancel(DomainError):
    code = "too_late_to_cancel"
    http_status = 409
    title = "不能撤销"
    title_en = "Too late to cancel"
    zh = "这条记录已是“{state}”，不能再撤销，没有作任何改动。如计算有误，请联系本市碳普惠主管部门更正。"
    en = (
        "This record is already “{state_en}” and can no longer be cancelled; nothing was changed. Ask your "
        "city's authority for a correction if it is wrong."
    )


class NotYoursToCancel(DomainError):
    code = "not_yours_to_cancel"
    http_status = 403
    title = "不能撤销"
    title_en = "Not yours to cancel"
    zh = "这条记录由“{source}”报送，不能在这里撤销，没有作任何改动。如有错误，请联系报送方撤回。"
    en = (
        "This record was sent by “{source}” and can't be cancelled here; nothing was changed. Ask the sender "
        "to withdraw it if it is wrong."
    )


class UnreadableFile(DomainError):
    """A file of records that can't be read at all; the sentence names row and column where there is one."""

    code = "unreadable_file"
    http_status = 400
    title = "文件无法读取"
    title_en = "The file can't be read"
    zh = "{reason}"
    en = "{reason_en}"

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(reason=zh, reason_en=en)
