"""Own records and the list of activities over HTTP."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from oauth2_provider.contrib.rest_framework import TokenHasScope
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Participant
from accounts.selectors import participants_of, person_of
from behaviors import selectors, services
from behaviors.constants import Channel, EvidenceGrade
from carbon_portal.kernel import clock
from carbon_portal.kernel.api import CursorPages, idempotent_write
from carbon_portal.kernel.endpoints import IDEMPOTENCY, PAGING, PublicView, code_list
from carbon_portal.kernel.errors import NotFound

from . import serializers


class ActivitiesView(PublicView):
    """The activities that the portal counts, with what makes each the same deed. Public; answers 304 to its ETag."""

    @extend_schema(responses={200: serializers.ActivityListSerializer, 304: None})
    def get(self, request: Request) -> HttpResponse:
        return code_list(request, {"activities": selectors.public_activities()})


class RecordsView(views.APIView):
    """Own records, newest first; and a new one."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("me",)

    @extend_schema(operation_id="me_records_list", parameters=PAGING, responses={200: serializers.RecordPageSerializer})
    def get(self, request: Request) -> Response:
        pages = CursorPages()
        rows: Any = pages.paginate_queryset(selectors.own_records(request.user).order_by(), request, view=self)
        return pages.get_paginated_response(serializers.RecordSerializer(rows, many=True).data)

    @extend_schema(
        request=serializers.NewRecordSerializer,
        responses={201: serializers.RecordSerializer},
        parameters=[IDEMPOTENCY],
    )
    def post(self, request: Request) -> HttpResponse:
        participant, person = _earner(request), person_of(request.user)
        form = serializers.NewRecordSerializer(data=request.data)
        form.is_valid(raise_exception=True)

        def deed() -> tuple[int, Any]:
            record = services.submit_record(
                participant=participant,
                person=person,
                evidence=EvidenceGrade.SELF_DECLARED,
                channel=Channel.API,
                source_record_id=request.headers["Idempotency-Key"],
                at=clock.now(),
                **form.validated_data,
            )
            return 201, dict(serializers.RecordSerializer(record).data)

        return idempotent_write(request, client=f"person:{person and person.pk}:{participant.pk}", deed=deed)


class RecordView(views.APIView):
    """One own record with the time of each state."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("me",)

    @extend_schema(responses={200: serializers.RecordSerializer})
    def get(self, request: Request, pk: int) -> Response:
        return Response(serializers.RecordSerializer(selectors.record_for(request.user, pk)).data)


def _earner(request: Request) -> Participant:
    """The person's own account, else the firm they work for."""
    own = participants_of(request.user)
    if not own:
        raise NotFound
    return own[0]
