"""Entry point of the web server (ASGI)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_portal.settings")

application = get_asgi_application()
