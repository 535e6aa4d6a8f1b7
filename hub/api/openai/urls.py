"""Addresses of the inference calls: `v1` below `/v1/`, `tasks` below `/models/`."""

from django.http import HttpRequest, HttpResponseBase
from django.urls import path

from hub.api.errors import AddressNotFound
from hub.api.openai import completions, models, tasks
from hub.api.openai.edge import openai_view


@openai_view("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
def nothing_here(request: HttpRequest, rest: str) -> HttpResponseBase:
    """An address that OpenAI has and this hub has not."""
    raise AddressNotFound


v1 = [
    path("chat/completions", completions.chat),
    path("completions", completions.completions),
    path("models", models.listing),
    path("models/<path:model>", models.one),
    path("<path:rest>", nothing_here),
]

MODEL = "<str:namespace>/<str:name>"
task_calls = [
    path(f"{MODEL}", tasks.run),
    path(f"{MODEL}/info", tasks.info),
    path(f"{MODEL}/health", tasks.health),
    path(f"{MODEL}/v1/chat/completions", completions.chat),
    path(f"{MODEL}/v1/completions", completions.completions),
    # As a client spells it whose base address ends in the model's.
    path(f"{MODEL}/chat/completions", completions.chat),
]
