"""Own traces, account and statement over HTTP; the public reconciliation."""

from dataclasses import asdict

from drf_spectacular.utils import OpenApiParameter, extend_schema
from oauth2_provider.contrib.rest_framework import TokenHasScope
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Participant, User
from accounts.selectors import participants_of
from behaviors import selectors as behaviors
from carbon_portal.kernel.endpoints import PublicView
from carbon_portal.kernel.errors import InvalidInput, NotFound
from credits import selectors
from credits.ledger import selectors as ledger

from . import serializers

PARTICIPANT = OpenApiParameter("participant", str, description="public id; without it the first own account")
YEAR = OpenApiParameter(
    "year", {"type": "integer", "minimum": 1000, "maximum": 9999}, description="only points earned in this year"
)
CURSOR = OpenApiParameter("cursor", str, description="next_cursor of the page before")


class TraceView(views.APIView):
    """How the grams of an own record were made."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("me",)

    @extend_schema(responses={200: serializers.TraceSerializer})
    def get(self, request: Request, pk: int) -> Response:
        record = behaviors.record_for(_user(request), pk)
        zh, en = behaviors.why(record)
        trace = selectors.trace_of(record)
        body = {
            "record": record.pk,
            "state": record.state,
            "reason": record.reason,
            "reason_zh": zh,
            "reason_en": en,
            "sample": bool(trace and trace["sample"]),
            "trace": trace,
        }
        return Response(body)


class AccountView(views.APIView):
    """Grams by state and points by year, of every account the person may act for."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("me",)

    @extend_schema(responses={200: serializers.AccountsSerializer})
    def get(self, request: Request) -> Response:
        accounts = []
        for participant in participants_of(request.user):
            summary = asdict(selectors.account_summary(participant))
            accounts.append({"participant": participant.public_id, "kind": participant.kind, **summary})
        return Response(serializers.AccountsSerializer({"accounts": accounts}).data)


class EntriesView(views.APIView):
    """The points statement, newest first."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("me",)

    @extend_schema(parameters=[PARTICIPANT, YEAR, CURSOR], responses={200: serializers.EntriesSerializer})
    def get(self, request: Request) -> Response:
        participant = _own(request)
        year = _year(request.query_params.get("year", ""))
        page = ledger.statement(participant.pk, year=year, cursor=request.query_params.get("cursor") or None)
        return Response(serializers.EntriesSerializer({"results": page.lines, "next_cursor": page.cursor}).data)


def _user(request: Request) -> User:
    if not isinstance(request.user, User):
        raise NotFound  # a client's own token: it has no records
    return request.user


def _own(request: Request) -> Participant:
    own = participants_of(request.user)
    wanted = request.query_params.get("participant", "")
    found = next((one for one in own if not wanted or one.public_id == wanted), None)
    if found is None:
        raise NotFound
    return found


def _year(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) == 4 and int(text) >= 1):
        raise InvalidInput(
            reason="year 须为四位年份，例如 2026。",
            reason_en="year must have four digits, such as 2026.",
            errors=[{"field": "year", "code": "invalid", "message": "四位年份", "message_en": "a four-digit year"}],
        )
    return int(text)


class ReconciliationView(PublicView):
    """The identity of all grams in the province. Public."""

    @extend_schema(responses={200: serializers.ReconciliationSerializer})
    def get(self, request: Request) -> Response:
        response = Response(selectors.reconciliation().as_dict())
        response["Cache-Control"] = "public, max-age=60"
        return response
