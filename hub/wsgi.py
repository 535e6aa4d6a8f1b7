"""The WSGI entry: Django behind the raw-path wrapper that the client protocol needs, and every request with its id."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from hub.core import metrics_folder
from hub.core.rawpath import keep_encoded_slashes
from hub.core.request_ids import identified

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
metrics_folder.share()
application = identified(keep_encoded_slashes(get_wsgi_application()))

# The web processes are forked from the one that loads this. What is loaded by now stays as long as they do: it is shared
# between them, and no search for garbage goes through it, which takes a tenth of a second each time.
import_module(settings.ROOT_URLCONF)
gc.collect()
gc.freeze()
