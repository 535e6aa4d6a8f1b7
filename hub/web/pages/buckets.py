"""The list of buckets, and making one."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from hub.core.errors import HubError
from hub.repos.buckets import create_bucket
from hub.repos.models import Kind, Repository
from hub.repos.permissions import get_namespace_for_create
from hub.web.forms import explain
from hub.web.forms.buckets import NewBucketForm
from hub.web.kinds import words_of
from hub.web.pages.home import for_rows
from hub.web.requests import MemberRequest

PAGE = 30
MAX_QUERY = 200  # characters
_CURSOR = re.compile(r"(\d{1,17})-(\d{1,15})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Page:
    """Some buckets, those changed last at first. `next`: the query of the page behind, "" where there is none."""

    rows: list[Repository]
    next: str


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Buckets that the visitor may know of: `?search=` in their names, `?author=` of one account."""
    query = _asked(request, "search")
    author = _asked(request, "author")
    return render(
        request,
        "web/buckets/listing.html",
        {
            "words": words_of(Kind.BUCKET),
            "nav": "buckets",
            "page": _page(request, query, author),
            "query": query,
            "author": author,
            "first": _address(query, author) if request.GET.get("cursor") else "",
        },
    )


def _asked(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\0", "").strip()[:MAX_QUERY]


def _page(request: HttpRequest, query: str, author: str) -> Page:
    found = for_rows(Repository.objects.visible_to(request.user).filter(kind=Kind.BUCKET))
    owner, slash, name = query.rpartition("/")
    if slash:
        found = found.filter(namespace__name__iexact=owner, name__icontains=name)
    elif query:
        found = found.filter(Q(name__icontains=query) | Q(namespace__name__icontains=query))
    if author:
        found = found.filter(namespace__name__iexact=author)
    if place := _CURSOR.fullmatch(request.GET.get("cursor", "")):
        moment = _EPOCH + timedelta(microseconds=int(place[1]))
        found = found.filter(Q(updated_at__lt=moment) | Q(updated_at=moment, pk__lt=int(place[2])))
    rows = list(found[: PAGE + 1])
    more = len(rows) > PAGE
    return Page(rows[:PAGE], _address(query, author, cursor=_cursor_of(rows[PAGE - 1])) if more else "")


def _cursor_of(repo: Repository) -> str:
    return f"{(repo.updated_at - _EPOCH) // timedelta(microseconds=1)}-{repo.pk}"


def _address(query: str, author: str, **more: str) -> str:
    given = {"search": query, "author": author, **more}
    return f"?{urlencode({name: value for name, value in given.items() if value})}"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: MemberRequest) -> HttpResponse:
    """The form; `?owner=` chooses an organization."""
    initial = {"owner": request.GET.get("owner", request.user.get_username())}
    form = NewBucketForm(request.POST or None, user=request.user, initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data
        try:
            bucket = create_bucket(
                actor=request.user,
                namespace=get_namespace_for_create(request.user, wanted["owner"].name),
                name=wanted["name"],
                visibility=wanted["visibility"],
            )
        except HubError as error:
            explain(form, error)
            status = error.status
        else:
            return redirect(bucket.get_absolute_url())
    context = {"form": form, "words": words_of(Kind.BUCKET), "nav": "buckets"}
    return render(request, "web/buckets/new.html", context, status=status)
