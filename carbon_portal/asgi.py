"""Entry point of the web server (ASGI)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_portal.settings")

application = get_asgi_application()

from carbon_portal.kernel.checks import refuse_weak_start  # noqa: E402  (needs the settings)

refuse_weak_start()
