"""Pools in slots: the kind that spreads what a pool of one account holds, and the functions of 0004_pools.sql."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
KINDS = {
    "issue": "发行",
    "fund": "注资",
    "defund": "撤资",
    "pool_spread": "额度分格",
    "award": "减碳发放",
    "award_correction": "减碳更正",
    "bonus": "活动奖励",
    "family_gift": "家庭转赠",
    "donation": "捐赠",
    "redeem_hold": "兑换预留",
    "redeem_capture": "兑换核销",
    "redeem_release": "兑换退回",
    "redeem_expire": "兑换超时退回",
    "redeem_refund": "兑换退款",
    "settlement": "商户结算",
    "expire_points": "碳币到期",
    "close_account": "注销作废",
    "reversal": "冲正",
}


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_deeds")]
    operations = [
        migrations.RemoveConstraint(model_name="ledgerentry", name="ledger_entry_kind"),
        migrations.AlterField(
            model_name="ledgerentry",
            name="kind",
            field=models.CharField(choices=list(KINDS.items()), max_length=24),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", list(KINDS))), name="ledger_entry_kind"),
        ),
        migrations.RunSQL(SQL),
    ]
