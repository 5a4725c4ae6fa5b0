import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="LedgerAccount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("address", models.CharField(max_length=120)),
                ("unit", models.CharField(choices=[("points", "碳币"), ("fen", "分")], max_length=6)),
                (
                    "bounded",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.ExpressionWrapper(
                            models.Q(("address__regex", "^(participant|pool|voucher):")),
                            output_field=models.BooleanField(),
                        ),
                        output_field=models.BooleanField(),
                    ),
                ),
                (
                    "points_year",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                address__regex="^participant:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:points:[0-9]{4}$",
                                then=django.db.models.functions.comparison.Cast(
                                    django.db.models.functions.text.Right("address", 4), models.SmallIntegerField()
                                ),
                            ),
                            default=None,
                            output_field=models.SmallIntegerField(),
                        ),
                        output_field=models.SmallIntegerField(null=True),
                    ),
                ),
                ("balance", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("points_year"),
                        models.F("id"),
                        condition=models.Q(("points_year__isnull", False)),
                        name="ledger_account_year",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("address",), name="ledger_account_address_once"),
                    models.CheckConstraint(
                        condition=models.Q(("bounded", False), ("balance__gte", 0), _connector="OR"),
                        name="ledger_account_floor",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("bounded", True), ("balance", 0), _connector="OR"),
                        name="ledger_account_unbounded_idle",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("unit__in", ["points", "fen"])), name="ledger_account_unit"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("points_year__isnull", True), ("unit", "points"), _connector="OR"),
                        name="ledger_account_points_year",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "uid",
                    models.UUIDField(
                        db_default=models.Func(function="gen_random_uuid", output_field=models.UUIDField()), unique=True
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("issue", "发行"),
                            ("fund", "注资"),
                            ("defund", "撤资"),
                            ("award", "减碳发放"),
                            ("award_correction", "减碳更正"),
                            ("bonus", "活动奖励"),
                            ("family_gift", "家庭转赠"),
                            ("donation", "捐赠"),
                            ("redeem_hold", "兑换预留"),
                            ("redeem_capture", "兑换核销"),
                            ("redeem_release", "兑换退回"),
                            ("redeem_expire", "兑换超时退回"),
                            ("redeem_refund", "兑换退款"),
                            ("settlement", "商户结算"),
                            ("expire_points", "碳币到期"),
                            ("close_account", "注销作废"),
                            ("reversal", "冲正"),
                        ],
                        max_length=24,
                    ),
                ),
                ("line_count", models.IntegerField()),
                ("idempotency_key", models.CharField(max_length=120)),
                ("payload_sha256", models.BinaryField(max_length=32)),
                ("effective_on", models.DateField()),
                ("posted_at", models.DateTimeField(db_default=django.contrib.postgres.functions.TransactionNow())),
                ("source", models.CharField(blank=True, db_default="", default="", max_length=120)),
                (
                    "reverses",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="ledger.ledgerentry",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "ledger entries",
            },
        ),
        migrations.CreateModel(
            name="LedgerLine",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "entry_id", "line_no", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("line_no", models.IntegerField()),
                ("unit", models.CharField(choices=[("points", "碳币"), ("fen", "分")], max_length=6)),
                ("amount", models.BigIntegerField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="lines",
                        to="ledger.ledgeraccount",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="lines",
                        to="ledger.ledgerentry",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("amount", models.BigIntegerField()),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="hold", to="ledger.ledgeraccount"
                    ),
                ),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="hold", to="ledger.ledgerentry"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="HoldResolution",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("capture", "核销"), ("release", "退回"), ("expire", "超时退回")], max_length=8
                    ),
                ),
                ("held_points", models.BigIntegerField()),
                ("captured_points", models.BigIntegerField()),
                (
                    "hold",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="resolution", to="ledger.hold"
                    ),
                ),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="resolution", to="ledger.ledgerentry"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AccountCheckpoint",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("upto_entry", models.BigIntegerField()),
                ("balance", models.BigIntegerField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checkpoints",
                        to="ledger.ledgeraccount",
                    ),
                ),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ledgeraccount",
            trigger=pgtrigger.compiler.Trigger(
                name="keep",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="8e2dd344af0c27e0ac2c9fff64caeb1357667666",
                    operation="DELETE",
                    pgid="pgtrigger_keep_11f52",
                    table="ledger_ledgeraccount",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ledgeraccount",
            trigger=pgtrigger.compiler.Trigger(
                name="fixed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'Cannot change the address or unit of an account' USING ERRCODE = 'restrict_violation';",
                    hash="cf6df2b9761b0bec32b249c261ad137f237f9b9a",
                    operation='UPDATE OF "address", "unit"',
                    pgid="pgtrigger_fixed_4ad16",
                    table="ledger_ledgeraccount",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ledgeraccount",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION '% is append-only: TRUNCATE refused', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                    hash="696dccf3b9e24fbc76c458118554140a8e4baccc",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_e647e",
                    table="ledger_ledgeraccount",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="accountcheckpoint",
            constraint=models.UniqueConstraint(fields=("account", "upto_entry"), name="ledger_checkpoint_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountcheckpoint",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f6556e96a7d5e39703774970248ca5fbbbbbd4dc",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_72298",
                    table="ledger_accountcheckpoint",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountcheckpoint",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION '% is append-only: TRUNCATE refused', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                    hash="28d886d54f3b7385fc4328b36aeb624d50a2ad5b",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_01684",
                    table="ledger_accountcheckpoint",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(fields=("idempotency_key",), name="ledger_entry_key_once"),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("line_count__gte", 2)), name="ledger_entry_two_lines"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "issue",
                            "fund",
                            "defund",
                            "award",
                            "award_correction",
                            "bonus",
                            "family_gift",
                            "donation",
                            "redeem_hold",
                            "redeem_capture",
                            "redeem_release",
                            "redeem_expire",
                            "redeem_refund",
                            "settlement",
                            "expire_points",
                            "close_account",
                            "reversal",
                        ],
                    )
                ),
                name="ledger_entry_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("idempotency_key", ""), _negated=True), name="ledger_entry_key_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "reversal"), ("reverses__isnull", False)),
                    models.Q(models.Q(("kind", "reversal"), _negated=True), ("reverses__isnull", True)),
                    _connector="OR",
                ),
                name="ledger_entry_reversal_names_target",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ledgerentry",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="05450319cc43ea1f23be8b71e23b83df1c7676e9",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_55eb4",
                    table="ledger_ledgerentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ledgerentry",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION '% is append-only: TRUNCATE refused', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                    hash="cf4464f0ee5d71eb0f1b332026829cb5bd164965",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_84664",
                    table="ledger_ledgerentry",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="holdresolution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("captured_points__gt", 0),
                        ("captured_points__lte", models.F("held_points")),
                        ("kind", "capture"),
                    ),
                    models.Q(("captured_points", 0), ("kind__in", ["release", "expire"])),
                    _connector="OR",
                ),
                name="ledger_resolution_captured",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="holdresolution",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="712c36668be8f25e0f133094354886331430193c",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_9daba",
                    table="ledger_holdresolution",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="holdresolution",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION '% is append-only: TRUNCATE refused', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                    hash="9697b0e5f48ae2fbd9d2ca379164802671659e3e",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_fb91b",
                    table="ledger_holdresolution",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="ledger_hold_positive"),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.UniqueConstraint(fields=("id", "amount"), name="ledger_hold_id_amount"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="c7c82c6834d1afabd6b173fc00d5d01fdc02c9ef",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_46607",
                    table="ledger_hold",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="hold",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION '% is append-only: TRUNCATE refused', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                    hash="a844ba67a2ec3601f42d9f9fa09abab706861ad7",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_36ceb",
                    table="ledger_hold",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="ledgerline",
            index=models.Index(fields=["account", "entry"], include=("amount",), name="ledger_line_account"),
        ),
        migrations.AddConstraint(
            model_name="ledgerline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount", 0), _negated=True),
                    ("amount__gte", -1000000000000000),
                    ("amount__lte", 1000000000000000),
                ),
                name="ledger_line_amount",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ledgerline",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="fc18bc7f523cae93a951a3469081ca825e4abf88",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_b9e3e",
                    table="ledger_ledgerline",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ledgerline",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION '% is append-only: TRUNCATE refused', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
                    hash="774189b130a390f0164630de69cdff7c02369019",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_ffa86",
                    table="ledger_ledgerline",
                    when="BEFORE",
                ),
            ),
        ),
    ]
