"""Why a row has the result it has: one code, in the order in which the first that applies is given."""

from __future__ import annotations

MISSING_INPUT = 1
NOT_A_NUMBER = 2
UNKNOWN_OPTION = 3
TOO_MANY_PLACES = 4
BELOW_MIN = 5
ABOVE_MAX = 6
NOT_IN_FORCE = 7
NO_PARAMETER_AT_DATE = 8
NO_PARAMETER_FOR_REGION = 9
NOT_ENOUGH_HISTORY = 10
DIVISION_BY_ZERO = 11
OUT_OF_RANGE = 12
OVER_LIMIT = 13
NO_SAVING = 14
LIMITED = 15
SELF_DECLARED = 16

CODES: tuple[str, ...] = (
    "",
    "missing_input",
    "not_a_number",
    "unknown_option",
    "too_many_places",
    "below_min",
    "above_max",
    "not_in_force",
    "no_parameter_at_date",
    "no_parameter_for_region",
    "not_enough_history",
    "division_by_zero",
    "out_of_range",
    "over_limit",
    "no_saving",
    "limited",
    "self_declared",
)
NUMBER = {code: number for number, code in enumerate(CODES)}
REFUSALS: tuple[str, ...] = CODES[MISSING_INPUT : OUT_OF_RANGE + 1]
# A record with one of these never becomes part of a history (in the portal it is rejected).
INPUT_AND_DATE: tuple[str, ...] = CODES[MISSING_INPUT : NOT_IN_FORCE + 1]

SENTENCES: dict[str, tuple[str, str]] = {
    "": ("全额计入。", "Credited in full."),
    "missing_input": (
        "有必填项为空，无法计算。请补填后重新提交。",
        "A required value is empty, so nothing can be computed. Fill it in and submit again.",
    ),
    "not_a_number": (
        "有一项不是数字（或日期不是“年-月-日”）。请用 ASCII 数字，例如 12.5 或 2026-03-01。",
        "A value is no number (or a date is not year-month-day). Use ASCII digits, such as 12.5 or 2026-03-01.",
    ),
    "unknown_option": (
        "有一项不在可选范围内（选项、证据等级或六位地区代码）。请从列表中选择。",
        "A value is not among the choices (option, evidence grade or six-digit region code). Choose from the list.",
    ),
    "too_many_places": (
        "有一个数的小数位数超过方法学的规定。请按规定位数填写。",
        "A number has more decimal places than the methodology allows. Write it with the allowed places.",
    ),
    "below_min": (
        "有一个数小于方法学规定的最小值，整条记录不计。请核对后重新提交。",
        "A number is below the methodology's minimum, so the record is refused. Check it and submit again.",
    ),
    "above_max": (
        "有一个数大于方法学规定的最大值，整条记录不计。请核对后重新提交。",
        "A number is above the methodology's maximum, so the record is refused. Check it and submit again.",
    ),
    "not_in_force": (
        "活动日期或地区不在该方法学的适用范围内。",
        "The methodology does not apply on the activity date or in the region.",
    ),
    "no_parameter_at_date": (
        "活动日期早于所用参数的最早启用日期，因此不能计算。",
        "The activity date is before the first start date of a parameter that is needed.",
    ),
    "no_parameter_for_region": (
        "该地区没有所需参数（县、市、省均无），因此不能计算。",
        "A parameter that is needed has no value for the region (county, city and province tried).",
    ),
    "not_enough_history": (
        "历史记录条数不足，本条不能计算，但会计入以后的历史。",
        "There are too few earlier records for this one to be computed; it will count as history for later ones.",
    ),
    "division_by_zero": (
        "公式中出现除以零。请核对填写的数值。",
        "The formula divides by zero. Check the values.",
    ),
    "out_of_range": (
        "计算结果为负或超出可记录的范围，不予计入。",
        "The result is negative or too large to be recorded, so nothing is credited.",
    ),
    "over_limit": (
        "本期上限已用完，本条计 0 克。",
        "The limit of the period is used up; this record is credited 0 g.",
    ),
    "no_saving": (
        "与基准相比没有减排，计 0 克。",
        "Compared with the baseline nothing was saved; 0 g are credited.",
    ),
    "limited": (
        "本期上限只剩一部分，本条按剩余部分计入。",
        "Only part of the period's limit was left; the record is credited up to it.",
    ),
    "self_declared": (
        "证据等级不足，按规定比例计入，且不可用于核证。",
        "The evidence grade allows only a share of the result, which can never be certified.",
    ),
    "participant_not_eligible": (
        "该方法学不适用于这类参与者。",
        "The methodology is not open to this kind of participant.",
    ),
}


def sentence(code: str, language: str = "zh") -> str:
    """Say a reason in one sentence (``zh`` or ``en``)."""
    return SENTENCES[code][1 if language.startswith("en") else 0]
