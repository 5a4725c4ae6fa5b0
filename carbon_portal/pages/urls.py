from django.urls import path

from . import api_docs, home, me, styleguide, todo, views

app_name = "pages"

urlpatterns = [
    path("", home.home, name="home"),
    path("api/v1/docs/", api_docs.api_docs, name="api-docs"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("me/", me.me, name="me"),
    path("me/name/", me.rename, name="rename"),
    path("me/welcome/", me.welcome, name="welcome"),
    path("preferences/size", views.set_size, name="set-size"),
    path("preferences/language", views.set_language, name="set-language"),
    path("staff/todo/", todo.todo, name="todo"),
    path("staff/styleguide/", styleguide.styleguide, name="styleguide"),
]
