"""Words of the dashboards."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Period(models.TextChoices):
    MONTH = "month", _("本月")
    YEAR = "year", _("本年")
    ALL = "all", _("累计")


SECTOR_LABELS = {
    "transport": _("低碳出行"),
    "vehicles": _("新能源汽车"),
    "electricity": _("节约用电"),
    "water": _("节约用水"),
    "gas": _("节约用气"),
    "waste": _("废弃物回收"),
    "carbon_sink": _("增加碳汇"),
    "buildings": _("绿色建筑"),
    "consumption": _("绿色消费"),
    "industry": _("工业"),
}

SUBJECT_LABELS = {"resident": _("居民"), "household": _("家庭"), "sme": _("小微企业"), "group": _("社会团体")}
EVIDENCE_LABELS = {"feed": _("数据直连"), "proof": _("已核凭证"), "self_declared": _("自行申报")}
FIRST_DAY = "2015-01-01"
TRACE_PAGE = 50
