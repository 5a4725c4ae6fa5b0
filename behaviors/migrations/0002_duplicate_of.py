from django.db import migrations, models


class Migration(migrations.Migration):
    """A duplicate names the record that stands, so that the page can say which trip it was."""

    dependencies = [("behaviors", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="behaviorrecord",
            name="duplicate_of",
            field=models.BigIntegerField(help_text="the earlier record that stands", null=True),
        ),
        migrations.AddField(
            model_name="behaviorrecord",
            name="duplicate_on",
            field=models.DateField(null=True),
        ),
    ]
