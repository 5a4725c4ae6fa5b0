"""Points as a Django programmer would first write them: a row per account, locked, read, changed and saved."""

from django.db import models


class Account(models.Model):
    balance = models.BigIntegerField(default=0)

    class Meta:
        app_label = "naive"


class Entry(models.Model):
    key = models.CharField(max_length=120, unique=True)
    posted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "naive"


class Line(models.Model):
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    amount = models.BigIntegerField()

    class Meta:
        app_label = "naive"
