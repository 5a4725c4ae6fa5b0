from django.urls import path

from . import styleguide, views

app_name = "pages"

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("preferences/size", views.set_size, name="set-size"),
    path("preferences/language", views.set_language, name="set-language"),
    path("staff/styleguide/", styleguide.styleguide, name="styleguide"),
]
