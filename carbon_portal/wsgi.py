"""Entry point of the web server (WSGI)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_portal.settings")

application = get_wsgi_application()

from carbon_portal.kernel.checks import refuse_weak_start  # noqa: E402  (needs the settings)

refuse_weak_start()
