"""The only code that writes methods: one transaction each, audited."""

from .acceptance import check_completeness, return_version
from .comments import make_comment, reply_to_comment
from .decisions import decide_version, publish_version, request_approval
from .experts import declare_interest, give_opinion, invite_experts
from .factors import adopt_or_return, propose_vintage, withdraw_vintage
from .filed import file_simulation
from .joint import answer_jointly, ask_departments, open_comments, remind_department
from .library import FACTORS_FILE, LIBRARY, SyncReport, plain, sync_library
from .local_values import tell_cities, use_province_values
from .stages import enter, receive_text, stage_of
from .withdrawals import decide_withdrawal, plan_withdrawal

__all__ = [
    "FACTORS_FILE",
    "LIBRARY",
    "SyncReport",
    "adopt_or_return",
    "answer_jointly",
    "ask_departments",
    "check_completeness",
    "decide_version",
    "decide_withdrawal",
    "declare_interest",
    "enter",
    "file_simulation",
    "give_opinion",
    "invite_experts",
    "make_comment",
    "open_comments",
    "plain",
    "plan_withdrawal",
    "propose_vintage",
    "publish_version",
    "receive_text",
    "remind_department",
    "reply_to_comment",
    "request_approval",
    "return_version",
    "stage_of",
    "sync_library",
    "tell_cities",
    "use_province_values",
    "withdraw_vintage",
]
