"""What many reductions depend on alike moves into rows of its own; a reduction keeps its own part and a reference."""

import hashlib
import json
from typing import Any

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

OWN_HASH = """
ALTER TABLE credits_basis ADD CONSTRAINT basis_sha256_of_content
    CHECK (sha256 = encode(sha256(convert_to(content, 'UTF8')), 'hex'));
"""
# Written once for ever by the application; here the owner changes the form, not the fact.
UNLOCK = "ALTER TABLE credits_reduction DISABLE TRIGGER USER"
LOCK = "ALTER TABLE credits_reduction ENABLE TRIGGER USER"
BATCH = 1_000


def split(dependencies: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The shared part as canonical JSON, and what is the row's own."""
    limits = dependencies.get("limits", [])
    used = {item[0]: int(item[2]) for item in dependencies.get("used", [])}
    content = {
        "methodology": dependencies["methodology"],
        "parameters": dependencies["parameters"],
        "limits": [{name: limit[name] for name in ("measure", "per", "max")} for limit in limits],
    }
    own = {
        "left": [limit["left_before"] for limit in limits],
        "used": [used.get(f"{limit['measure']}/{limit['per']}", 0) for limit in limits],
    }
    if dependencies.get("history"):
        own["history"] = dependencies["history"]
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False), own


def move(apps: Any, schema_editor: Any) -> None:
    """Batch by batch; a reversal takes the basis of what it reverses."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(UNLOCK)
        after = 0
        while True:
            cursor.execute(
                "SELECT id, dependencies::text, created_at FROM credits_reduction"
                " WHERE id > %s AND reason <> 'reversed' ORDER BY id LIMIT %s",
                [after, BATCH],
            )
            rows = cursor.fetchall()
            if not rows:
                break
            for pk, text, at in rows:
                content, own = split(json.loads(text))
                sha256 = hashlib.sha256(content.encode()).hexdigest()
                cursor.execute(
                    "INSERT INTO credits_basis (sha256, content, created_at) VALUES (%s, %s, %s)"
                    " ON CONFLICT (sha256) DO NOTHING",
                    [sha256, content, at],
                )
                cursor.execute(
                    "UPDATE credits_reduction SET dependencies = %s,"
                    " basis_id = (SELECT id FROM credits_basis WHERE sha256 = %s) WHERE id = %s",
                    [json.dumps(own), sha256, pk],
                )
            after = rows[-1][0]
        cursor.execute(
            "UPDATE credits_reduction x SET basis_id = o.basis_id FROM credits_reduction o"
            " WHERE x.reason = 'reversed' AND o.id = (x.dependencies->>'reverses')::bigint"
        )
        cursor.execute(LOCK)


class Migration(migrations.Migration):
    dependencies = [("credits", "0003_totals_by_month_and_city")]

    operations = [
        migrations.CreateModel(
            name="Basis",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("content", models.TextField()),
                ("created_at", models.DateTimeField()),
            ],
            options={"verbose_name_plural": "bases", "abstract": False},
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="basis",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="7a4e2dc8f4c23a2de22fcb04d553d671070c2099",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_6862c",
                    table="credits_basis",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="basis",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION '% is append-only: TRUNCATE refused', TG_TABLE_NAME"
                    " USING ERRCODE = 'restrict_violation';",
                    hash="a23509551a59b5c500d1a53dcb7fcf5723e89182",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_52d2e",
                    table="credits_basis",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(OWN_HASH, "ALTER TABLE credits_basis DROP CONSTRAINT basis_sha256_of_content"),
        migrations.AddField(
            model_name="reduction",
            name="basis",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="credits.basis",
            ),
        ),
        migrations.RunPython(move, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="reduction",
            name="basis",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="credits.basis",
            ),
        ),
    ]
