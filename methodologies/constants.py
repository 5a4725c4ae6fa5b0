"""States of a version's life (methodology-format, section 9)."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class VersionState(models.TextChoices):
    DRAFT = "draft", "草案"
    SUBMITTED = "submitted", "已报送"
    IN_REVIEW = "in_review", "审查中"
    PUBLIC_COMMENT = "public_comment", "公示中"
    APPROVED = "approved", "已审定"
    PUBLISHED = "published", "已发布"
    SUPERSEDED = "superseded", "已被取代"
    WITHDRAWN = "withdrawn", "已停用"


# What has once been in force and is therefore frozen for ever.
FROZEN_STATES = (VersionState.PUBLISHED, VersionState.SUPERSEDED, VersionState.WITHDRAWN)


class StageState(models.TextChoices):
    """The steps that a version passes; several of them are one state of the version (`STATE_OF_STAGE`)."""

    DRAFT = "draft", _("起草")
    SUBMITTED = "submitted", _("报送")
    IN_REVIEW = "in_review", _("省级受理")
    EXPERT_REVIEW = "expert_review", _("专家论证")
    JOINT_SIGNING = "joint_signing", _("会签")
    PUBLIC_COMMENT = "public_comment", _("公示")
    APPROVED = "approved", _("审定")
    PUBLISHED = "published", _("全省推广")
    RETURNED = "returned", _("退回修改")
    SUPERSEDED = "superseded", _("被取代")
    WITHDRAWN = "withdrawn", _("停用")


STATE_OF_STAGE = {
    StageState.DRAFT: VersionState.DRAFT,
    StageState.SUBMITTED: VersionState.SUBMITTED,
    StageState.IN_REVIEW: VersionState.IN_REVIEW,
    StageState.EXPERT_REVIEW: VersionState.IN_REVIEW,
    StageState.JOINT_SIGNING: VersionState.IN_REVIEW,
    StageState.PUBLIC_COMMENT: VersionState.PUBLIC_COMMENT,
    StageState.APPROVED: VersionState.APPROVED,
    StageState.PUBLISHED: VersionState.PUBLISHED,
    StageState.RETURNED: VersionState.DRAFT,
    StageState.SUPERSEDED: VersionState.SUPERSEDED,
    StageState.WITHDRAWN: VersionState.WITHDRAWN,
}

# What may follow what. Whatever lies with the province can be returned to the author, with a list of what is missing.
NEXT_STAGES: dict[str, frozenset[str]] = {
    StageState.DRAFT: frozenset({StageState.SUBMITTED}),
    StageState.RETURNED: frozenset({StageState.SUBMITTED}),
    StageState.SUBMITTED: frozenset({StageState.IN_REVIEW, StageState.RETURNED}),
    StageState.IN_REVIEW: frozenset({StageState.EXPERT_REVIEW, StageState.RETURNED}),
    StageState.EXPERT_REVIEW: frozenset({StageState.JOINT_SIGNING, StageState.RETURNED}),
    StageState.JOINT_SIGNING: frozenset({StageState.PUBLIC_COMMENT, StageState.RETURNED}),
    StageState.PUBLIC_COMMENT: frozenset({StageState.APPROVED, StageState.RETURNED}),
    StageState.APPROVED: frozenset({StageState.PUBLISHED, StageState.RETURNED}),
    StageState.PUBLISHED: frozenset({StageState.SUPERSEDED, StageState.WITHDRAWN}),
    StageState.SUPERSEDED: frozenset(),
    StageState.WITHDRAWN: frozenset(),
}

# The same order for the state of the version's row, which a trigger holds.
NEXT_STATES = sorted(
    {
        (str(STATE_OF_STAGE[StageState(before)].value), str(STATE_OF_STAGE[StageState(after)].value))
        for before, following in NEXT_STAGES.items()
        for after in following
        if STATE_OF_STAGE[StageState(before)] != STATE_OF_STAGE[StageState(after)]
    }
)

# Terms of the portal's own rules, in working days from entering a step: the plan names none. Each can be set otherwise
# when a step is entered, and stands in public from then on.
WORKING_DAYS = {
    StageState.SUBMITTED: 5,  # to accept or to return
    StageState.IN_REVIEW: 10,  # to invite experts
    StageState.EXPERT_REVIEW: 20,
    StageState.JOINT_SIGNING: 10,
    StageState.APPROVED: 10,  # to publish
}
DECISION_WORKING_DAYS = 10  # after the comments close
COMMENT_DAYS = 30  # calendar days, at the least
NOTICE_DAYS = 30  # calendar days from publication to the first day in force, at the least


class OpinionVerdict(models.TextChoices):
    AGREE = "agree", _("同意")
    AGREE_AFTER_CHANGES = "changes", _("修改后同意")
    DISAGREE = "disagree", _("不同意")


class AnswerVerdict(models.TextChoices):
    AGREE = "agree", _("同意")
    COMMENT = "comment", _("同意并提出意见")
    OBJECT = "object", _("不同意")


class CommentOutcome(models.TextChoices):
    ADOPTED = "adopted", _("采纳")
    PARTLY = "partly", _("部分采纳")
    NOT_ADOPTED = "not_adopted", _("未采纳")
    EXPLAINED = "explained", _("作出说明")


# The completeness check: what the province looks at before it accepts. The last four are the scheme's principles.
CHECKLIST = {
    "document": _("文件完整：各章、公式、参数来源齐全"),
    "examples": _("测算示例：至少 3 个，其中 1 个为应当拒绝的情形"),
    "inclusive": _("普惠性：公众能够参与，不设不合理门槛"),
    "quantifiable": _("可量化性：数据可得，公式可复算"),
    "additional": _("额外性：不是法规强制或本来就会发生的行为"),
    "no_double_claim": _("不重复主张：同一减碳量不在别处再次申领"),
}
COUNTED_EXPERTS = 2  # opinions that count, at the least
APPROVE_KIND, WITHDRAW_KIND = "methodology.approve", "methodology.withdraw"
FOUNDING_KIND = "methodology.publish"  # of what came with the installation; nobody asks for it
COMMENT_LENGTH = 2000


class ProposalState(models.TextChoices):
    """Where a citizen's idea stands (P2.4)."""

    RECEIVED = "received", _("已收到")
    IN_STUDY = "in_study", _("研究论证中")
    MERGED = "merged", _("已合并")
    ADOPTED = "adopted", _("已采纳")
    DECLINED = "declined", _("未采纳")


class ProposalChannel(models.TextChoices):
    """How it came: the plan names newspapers, the web and WeChat; letters and calls come too."""

    WEB = "web", _("网上提交")
    NEWSPAPER = "newspaper", _("报纸")
    LETTER = "letter", _("来信")
    WECHAT = "wechat", _("微信")
    PHONE = "phone", _("电话")


class CreditAs(models.TextChoices):
    """How the proposer is named where the idea became a method: as they chose."""

    NAME = "name", _("用姓名或单位名")
    PSEUDONYM = "pseudonym", _("用化名")
    NOBODY = "nobody", _("不署名")


OPEN_PROPOSALS = (ProposalState.RECEIVED, ProposalState.IN_STUDY)
# The terms that the province sets itself, in working days after the day of receipt.
ACCEPT_WORKING_DAYS = 5
ANSWER_WORKING_DAYS = 30
# What one person may send in a day: enough for ideas, too little for a flood.
PROPOSALS_PER_DAY = 5
SUPPORTS_PER_DAY = 100


# What everybody may read: what was ever in force, and what stands open to comment or waits for its publication.
SHOWN_STATES = (*FROZEN_STATES, VersionState.PUBLIC_COMMENT, VersionState.APPROVED)
# A new value of a shared factor: the province's officer enters it; the institute checks it against the page of its
# source and the province's approver decides. Two people in two roles, neither the officer.
VINTAGE_KIND = "factors.vintage"
VINTAGE_ROLE = "province_officer"
VINTAGE_DECIDERS = frozenset({"province_approver", "research_institute"})
VINTAGE_READERS = (*VINTAGE_DECIDERS, VINTAGE_ROLE, "auditor")
VINTAGE_WORKING_DAYS = 10
VINTAGE_CONFIDENCES = ("official", "register", "press", "derived")
BEST_BEFORE_DAYS = 180  # how far ahead the report looks

# Who used a method is known above this app; the task is woken by name.
NOTICES_TASK = "credits.send_notices"
CITIES_TASK = "methodologies.tell_cities"
