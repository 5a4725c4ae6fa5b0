"""Words of the dashboards."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Period(models.TextChoices):
    MONTH = "month", _("本月")
    YEAR = "year", _("本年")
    ALL = "all", _("累计")


SUBJECT_LABELS = {"resident": _("居民"), "household": _("家庭"), "sme": _("小微企业"), "group": _("社会团体")}
EVIDENCE_LABELS = {"feed": _("数据直连"), "proof": _("已核凭证"), "self_declared": _("自行申报")}
FIRST_DAY = "2015-01-01"
TRACE_PAGE = 50
#: So many records are summed while somebody waits (some tenths of a second); more are shown in parts.
SUMMED_AT_ONCE = 200_000
