"""The guard of the lines takes one look where it took several (0007_one_look.sql)."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_quicker")]
    operations = [migrations.RunSQL(SQL)]
