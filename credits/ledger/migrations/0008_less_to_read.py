"""Postings with less to read: fewer CHECKs, no generated columns, a smaller index, shorter ways (0008_less_to_read.sql)."""

from pathlib import Path

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0007_one_look")]
    operations = [
        pgtrigger.migrations.RemoveTrigger(model_name="ledgeraccount", name="fixed"),
        migrations.RemoveConstraint(model_name="ledgeraccount", name="ledger_account_floor"),
        migrations.RemoveConstraint(model_name="ledgeraccount", name="ledger_account_unbounded_idle"),
        migrations.RemoveConstraint(model_name="ledgeraccount", name="ledger_account_unit"),
        migrations.RemoveConstraint(model_name="ledgeraccount", name="ledger_account_points_year"),
        migrations.RemoveConstraint(model_name="ledgerentry", name="ledger_entry_two_lines"),
        migrations.RemoveConstraint(model_name="ledgerentry", name="ledger_entry_key_not_empty"),
        migrations.RemoveConstraint(model_name="ledgerentry", name="ledger_entry_reversal_names_target"),
        migrations.RemoveConstraint(model_name="ledgerentry", name="ledger_entry_kind"),
        migrations.RemoveConstraint(model_name="ledgerline", name="ledger_line_amount"),
        migrations.AlterField(
            model_name="ledgerentry",
            name="reverses",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reversals",
                to="ledger.ledgerentry",
            ),
        ),
        migrations.RunSQL(
            SQL,
            state_operations=[
                migrations.AlterField(
                    model_name="ledgeraccount", name="bounded", field=models.BooleanField(editable=False)
                ),
                migrations.AlterField(
                    model_name="ledgeraccount",
                    name="points_year",
                    field=models.SmallIntegerField(editable=False, null=True),
                ),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ledgeraccount",
            trigger=pgtrigger.compiler.Trigger(
                name="fixed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'Cannot change the address or unit of an account' USING ERRCODE = 'restrict_violation';",
                    hash="61d905849c4fecd522196634456564e0be12af71",
                    operation='UPDATE OF "address", "unit", "bounded", "points_year"',
                    pgid="pgtrigger_fixed_4ad16",
                    table="ledger_ledgeraccount",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("balance__gte", 0), models.Q(("bounded", True), ("balance", 0), _connector="OR")),
                name="ledger_account_floor",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reverses__isnull", False)), fields=("reverses",), name="ledger_entry_reversed_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Func(
                    models.F("kind"),
                    models.F("line_count"),
                    models.F("idempotency_key"),
                    models.F("payload_sha256"),
                    models.F("reverses"),
                    function="ledger_sound_entry",
                    output_field=models.BooleanField(),
                ),
                name="ledger_entry_sound",
            ),
        ),
    ]
