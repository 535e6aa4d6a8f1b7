"""The WSGI entry: Django behind the raw-path wrapper that the client protocol needs."""

import os

from django.core.wsgi import get_wsgi_application

from hub.core.rawpath import keep_encoded_slashes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
application = keep_encoded_slashes(get_wsgi_application())
