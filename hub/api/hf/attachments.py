"""Pictures for texts, sent by tools."""

from django.http import HttpRequest, HttpResponse

from hub.api.bodies import read_all
from hub.api.edge import stream_view, writer
from hub.community.writing.attachments import add_attachment
from hub.community.writing.pictures import MAX_BYTES
from hub.core.links import base_url
from hub.repos.permissions import check_may_act


@stream_view("POST")
def upload(request: HttpRequest) -> HttpResponse:
    """POST /uploads: the bytes of a picture. Answers its address, as plain text."""
    check_may_act(request.user)
    # One byte more than a picture may have: the service says so.
    content = read_all(request, limit=MAX_BYTES + 1)
    made = add_attachment(owner=writer(request), content=content, content_type=request.content_type or "")
    return HttpResponse(f"{base_url(request)}{made.get_absolute_url()}", content_type="text/plain; charset=utf-8")
