"""Entry point of the web server (WSGI)."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_portal.settings")

application = get_wsgi_application()

from django.urls import get_resolver  # noqa: E402

from carbon_portal.kernel.checks import refuse_weak_start  # noqa: E402  (needs the settings)

refuse_weak_start()

# A server that loads the application before it forks has the pages loaded too: no first visitor waits for a second.
list(get_resolver().url_patterns)
# What is the same for all workers stays in memory once: a search for garbage would write into its pages.
gc.freeze()
