"""The WSGI entry: Django behind the raw-path wrapper that the client protocol needs, and every request with its id."""

import os

from django.core.wsgi import get_wsgi_application

from hub.core.rawpath import keep_encoded_slashes
from hub.core.request_ids import identified

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
application = identified(keep_encoded_slashes(get_wsgi_application()))
