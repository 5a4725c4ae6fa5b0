"""Postings in fewer steps (0006_quicker.sql); the kinds are checked by a function."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_spread_pools")]
    operations = [
        migrations.RunSQL(SQL),
        migrations.RemoveConstraint(model_name="ledgerentry", name="ledger_entry_kind"),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Func(
                    models.F("kind"), function="ledger_known_kind", output_field=models.BooleanField()
                ),
                name="ledger_entry_kind",
            ),
        ),
    ]
