from django.urls import path

from .views import consultation, drafts, factors, guide, library, local_values, proposal_desk, proposals, public, review

app_name = "methodologies"

urlpatterns = [
    # Factors and their vintages
    path("factors/", factors.public_library, name="factors"),
    path("staff/factors/", factors.desk, name="factor-desk"),
    path("staff/factors/best-before/", factors.best_before, name="factor-best-before"),
    path("staff/factors/new/", factors.propose, name="factor-propose"),
    path("staff/factors/vintages/<str:code>/", factors.vintage, name="factor-vintage"),
    path("staff/factors/vintages/<str:code>/decide/", factors.decide, name="factor-decide"),
    path("staff/factors/vintages/<str:code>/withdraw/", factors.withdraw, name="factor-withdraw"),
    # The library
    path("methodologies/", library.catalogue, name="list"),
    # what everybody may see; the words stand before the patterns that would take them for a code or a version
    path("methodologies/cities/", public.cities_page, name="cities"),
    path("methodologies/maturity/", public.maturity_page, name="maturity"),
    path("methodologies/<slug:code>/compare/", public.compare_page, name="compare"),
    path("methodologies/<slug:code>/<str:version>/cities/", public.local_page, name="local"),
    path("methodologies/<slug:code>/<str:version>/cities/confirm/", local_values.confirm, name="local-confirm"),
    path("methodologies/<slug:code>/<str:version>/document.pdf", public.version_pdf, name="pdf"),
    path("methodologies/<slug:code>/<str:version>/", library.version_page, name="version"),
    path("methodologies/<slug:code>/<str:version>/document.yaml", library.version_source, name="source"),
    # -- proposals of the public
    path("proposals/", proposals.proposal_list, name="proposals"),
    path("proposals/new/", proposals.proposal_new, name="proposal-new"),
    path("proposals/<slug:number>/", proposals.proposal_page, name="proposal"),
    path("proposals/<slug:number>/support/", proposals.proposal_support, name="proposal-support"),
    path("staff/proposals/", proposal_desk.desk, name="proposal-desk-list"),
    path("staff/proposals/new/", proposal_desk.enter, name="proposal-enter"),
    path("staff/proposals/<slug:number>/", proposal_desk.proposal, name="proposal-desk"),
    path("staff/proposals/<slug:number>/decide/", proposal_desk.decide, name="proposal-decide"),
    path("staff/proposals/<slug:number>/<slug:name>/", proposal_desk.deed, name="proposal-deed"),
    # -- the verification guide
    path("guide/", guide.guide_list, name="guide"),
    path("guide/<slug:version>/", guide.guide_page, name="guide-version"),
    path("guide/<slug:version>/<slug:audience>/", guide.guide_page, name="guide-plain"),
    # drafting
    path("staff/methodologies/drafts/", drafts.draft_list, name="drafts"),
    path("staff/methodologies/drafts/new/", drafts.draft_new, name="draft-new"),
    path("staff/methodologies/drafts/<uuid:uuid>/", drafts.draft_page, name="draft"),
    path("staff/methodologies/drafts/<uuid:uuid>/saves/<int:number>/", drafts.draft_edit, name="draft-edit"),
    path("staff/methodologies/drafts/<uuid:uuid>/forward/", drafts.draft_forward, name="draft-forward"),
    path("staff/methodologies/drafts/<uuid:uuid>/decision/", drafts.draft_decide, name="draft-decide"),
    path("staff/methodologies/drafts/<uuid:uuid>/<slug:part>/", drafts.draft_part, name="draft-part"),
    path("staff/methodologies/drafts/<uuid:uuid>/<slug:part>/save/", drafts.draft_save, name="draft-save"),
    # The review: in public, and at the desks.
    path("methodologies/consultations/", consultation.consultations, name="consultations"),
    path("methodologies/<slug:code>/<str:version>/comments/", consultation.comments, name="comments"),
    path(
        "methodologies/<slug:code>/<str:version>/comments/<int:pk>/change/",
        consultation.comment_change,
        name="comment-change",
    ),
    path("methodologies/<slug:code>/<str:version>/minutes/", consultation.minutes, name="minutes"),
    path("staff/methodologies/", review.reviews, name="reviews"),
    path("staff/methodologies/review/<slug:code>/<str:version>/", review.review, name="review"),
    path("staff/methodologies/review/<slug:code>/<str:version>/<slug:deed>/", review.deed, name="review-deed"),
]
