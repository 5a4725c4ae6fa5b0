"""References of the rows that come by the ten thousand, checked per statement (0005_references_by_statement.sql)."""

from pathlib import Path

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
BACK = "".join(
    f"DROP TRIGGER credits_{name}_refers ON credits_{name}; DROP FUNCTION credits_{name}_refers;"
    for name in ("reduction", "limitusage", "accrualitem")
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_invitation"),
        ("credits", "0004_basis"),
        ("methodologies", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="accrualitem",
            name="accrual",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="items",
                to="credits.pointsaccrual",
            ),
        ),
        migrations.AlterField(
            model_name="accrualitem",
            name="reduction",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                primary_key=True,
                related_name="accrual_item",
                serialize=False,
                to="credits.reduction",
            ),
        ),
        migrations.AlterField(
            model_name="limitusage",
            name="participant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.participant",
            ),
        ),
        migrations.AlterField(
            model_name="reduction",
            name="methodology_version",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="methodologies.methodologyversion",
            ),
        ),
        migrations.AlterField(
            model_name="reduction",
            name="participant",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.participant",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="pointsaccrual",
            trigger=pgtrigger.compiler.Trigger(
                name="keep",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="8fd450df5c6dbc1c079ac1cd630de7c3c5bb6d90",
                    operation="DELETE",
                    pgid="pgtrigger_keep_51ef9",
                    table="credits_pointsaccrual",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(SQL, BACK),
    ]
