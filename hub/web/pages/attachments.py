"""Pictures beside texts: sending one from the field that is being written in, showing it, and what one has sent."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from hub.community.errors import PictureNotFound
from hub.community.models import Attachment
from hub.community.writing.attachments import MAX_OF_ONE, add_attachment, bytes_of, delete_attachment
from hub.community.writing.pictures import MAX_BYTES
from hub.core.middleware import UPLOADED_FILE_POLICY
from hub.repos.permissions import check_may_act
from hub.web.paging import page_of
from hub.web.requests import MemberRequest
from hub.web.uploading import answers_json, open_content

PER_PAGE = 48


@login_required
@require_POST
@answers_json
def add(request: MemberRequest) -> HttpResponse:
    """Take in one picture, the body of the request; answers `{"address"}` for the page's script, or `{"error"}`."""
    check_may_act(request.user)
    stream, length = open_content(request)
    # One byte more than a picture may have: the service says so.
    content = stream.read(min(length, MAX_BYTES + 1))
    made = add_attachment(owner=request.user, content=content, content_type=request.content_type or "")
    return JsonResponse({"address": made.get_absolute_url()}, status=201)


@require_safe
def show(request: HttpRequest, picture: UUID) -> HttpResponse:
    """The picture. Nothing changes under its address, so caches keep it for good. Raises PictureNotFound."""
    found = _get(picture)
    response = HttpResponse(bytes(found.content), content_type=found.content_type)
    response["Content-Disposition"] = "inline"
    response["Content-Security-Policy"] = UPLOADED_FILE_POLICY
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


@login_required
@require_safe
def own(request: MemberRequest) -> HttpResponse:
    """The pictures that one has sent, newest first."""
    pictures = Attachment.objects.filter(owner=request.user).defer("content").order_by("-created_at", "key")
    told = {"page": page_of(request, pictures, PER_PAGE), "used": bytes_of(request.user), "most": MAX_OF_ONE}
    return render(request, "web/settings/uploads.html", told)


@login_required
@require_POST
def delete(request: MemberRequest, picture: UUID) -> HttpResponse:
    """Delete a picture of one's own. Raises PictureNotFound, NotYourPicture."""
    check_may_act(request.user)
    delete_attachment(attachment=_get(picture), actor=request.user)
    messages.success(request, _("The picture is deleted. Where it was shown, there is a gap now."))
    return redirect("settings_uploads")


def _get(key: UUID) -> Attachment:
    found = Attachment.objects.filter(pk=key).first()
    if found is None:
        raise PictureNotFound(_("This picture is not here, or no longer."))
    return found
