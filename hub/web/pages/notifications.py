"""What has happened, for one person: the list, what they do with it, how they are told, and links of mails that stop it."""

from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.community.models import Notification, Reason, Subscription
from hub.community.notifications import mails, subscriptions, telling
from hub.community.permissions import get_discussion
from hub.core.errors import HubError, NotFound
from hub.core.text import whole_number
from hub.repos.models import Kind, Repository
from hub.repos.permissions import get_repo_for_read
from hub.web.forms import explain
from hub.web.forms.notifications import DeliveryForm
from hub.web.requests import MemberRequest

# Notifications on a page. What is about one thread makes one line of it.
PER_PAGE = 60


@never_cache
@login_required
@require_safe
def show(request: MemberRequest) -> HttpResponse:
    """The list, newest first: `?show=all`, `?reason=`, `?repository=` an id, `?before=` the id that the page begins below."""
    rows = Notification.objects.visible_to(request.user)
    everything = request.GET.get("show") == "all"
    if not everything:
        rows = rows.unread()
    reason = request.GET.get("reason", "")
    if reason in Reason.values:
        rows = rows.filter(reason=reason)
    repository = None
    if wanted := whole_number(request.GET.get("repository", "")):
        about = Repository.objects.visible_to(request.user).filter(pk=wanted)
        repository = about.select_related("namespace").first()
    if repository is not None:
        rows = rows.filter(activity__repository=repository)
    if before := whole_number(request.GET.get("before", "")):
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: PER_PAGE + 1])
    context = {
        "entries": telling.by_thread(telling.load_activities(found[:PER_PAGE])),
        "everything": everything,
        "reason": reason,
        "reasons": Reason.choices,
        "repository": repository,
        "newest": found[0].pk if found else 0,
        "next": _with(request, before=found[PER_PAGE - 1].pk) if len(found) > PER_PAGE else "",
        "first": _with(request, before="") if before else "",
        "filters": _with(request, before="", undo=""),
        "undo": _moment(request.GET.get("undo", "")),
    }
    return render(request, "web/notifications/list.html", context)


def _with(request: HttpRequest, **changed: object) -> str:
    """Return this page's query with other values; "" takes one out."""
    query = {key: value for key, value in request.GET.items() if key in ("show", "reason", "repository", "before")}
    query |= {key: str(value) for key, value in changed.items()}
    return "?" + urlencode({key: value for key, value in query.items() if value})


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text[:40])
    except ValueError:
        return None
    return moment if moment is not None and is_aware(moment) else None


@login_required
@require_safe
def follow(request: MemberRequest, notification_id: int) -> HttpResponse:
    """Go to what a notification tells of; it is read then. Raises NotificationNotFound."""
    found = telling.get_notification(request.user, notification_id)
    telling.mark_read(request.user, [found.pk])
    return redirect(found.activity.get_absolute_url())


@login_required
@require_POST
def mark(request: MemberRequest) -> HttpResponse:
    """Mark the chosen entries as read (`ids`), one (`only`), or all up to `up_to`; or take back what was marked at `undo`."""
    user, asked = request.user, request.POST.get("do", "")
    if moment := _moment(request.POST.get("undo", "")):
        telling.mark_unread(user, moment)
        return _back(request)
    if asked == "all":
        done = telling.mark_all_read(user, up_to=whole_number(request.POST.get("up_to", "")) or 0)
    else:
        chosen = [request.POST["only"]] if request.POST.get("only") else request.POST.getlist("ids")
        # An entry of several is named by the ids of all of them.
        ids = ",".join(chosen).split(",")[: PER_PAGE * 2]
        done = telling.mark_read(user, [number for text in ids if (number := whole_number(text))])
    return _back(request, undo=done.isoformat())


@login_required
@require_POST
def mute(request: MemberRequest, notification_id: int) -> HttpResponse:
    """Hear nothing more of the thread (`what=thread`) or the repository that a notification is about."""
    activity = telling.get_notification(request.user, notification_id).activity
    thread = activity.discussion if request.POST.get("what") == "thread" else None
    level = Subscription.Level.MUTED
    if thread is not None:
        subscriptions.subscribe(user=request.user, discussion=thread, level=level)
        messages.success(request, _("You hear nothing more of this thread. Settings, Notifications takes it back."))
    elif activity.repository is not None:
        subscriptions.subscribe(user=request.user, repository=activity.repository, level=level)
        messages.success(
            request,
            _("You hear nothing more of %(name)s. Settings, Notifications takes it back.")
            % {"name": activity.repository.full_name},
        )
    return _back(request)


@login_required
@require_POST
def watch(request: MemberRequest) -> HttpResponse:
    """Watch, mute or neither: `level` of a repository (`kind`, `name`), or of its discussion `number`."""
    kind, full_name = request.POST.get("kind", ""), request.POST.get("name", "")
    if kind not in Kind.values or not full_name.isprintable():
        raise NotFound(_("There is no such repository."))
    namespace, _slash, name = full_name.partition("/")
    repo = get_repo_for_read(request.user, kind, namespace, name)
    level = request.POST.get("level", "")
    if number := whole_number(request.POST.get("number", "")):
        discussion = get_discussion(repo, number)
        subscriptions.subscribe(user=request.user, discussion=discussion, level=level)
        return redirect(discussion)
    subscriptions.subscribe(user=request.user, repository=repo, level=level)
    return redirect(repo)


def _back(request: HttpRequest, *, undo: str = "") -> HttpResponse:
    """Return to the list as it was filtered."""
    query = QueryDict(request.POST.get("next", "").removeprefix("?")[:500])
    kept = {key: query[key] for key in ("show", "reason", "repository") if query.get(key)}
    if undo:
        kept["undo"] = undo
    return redirect(f"/notifications?{urlencode(kept)}" if kept else "/notifications")


# --- how one is told ----------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: MemberRequest) -> HttpResponse:
    """How to be told for each reason; what is watched and muted."""
    form = DeliveryForm(request.POST or None, instance=subscriptions.settings_of(request.user))
    if request.method == "POST" and form.is_valid():
        try:
            subscriptions.set_deliveries(user=request.user, **form.cleaned_data)
        except HubError as error:
            explain(form, error)
        else:
            messages.success(request, _("It is kept how you want to be told."))
            return redirect("settings_notifications")
    context = {"form": form, "subscriptions": subscriptions.subscriptions_of(request.user)}
    return render(request, "web/notifications/settings.html", context)


@login_required
@require_POST
def unwatch(request: MemberRequest, subscription_id: int) -> HttpResponse:
    """Take back that something is watched or muted."""
    subscriptions.unsubscribe(user=request.user, subscription_id=subscription_id)
    messages.success(request, _("It is neither watched nor muted any more."))
    return redirect("settings_notifications")


@never_cache
@csrf_exempt  # Programs of mail services post here, and the signed address is what lets them.
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A page with a button, since programs that check mails open every link in them; the button, or the one click of a mail
    program (RFC 8058), stops the mails. Raises UnsubscribeLinkInvalid."""
    link = mails.open_link(token)
    done = ""
    if request.method == "POST":
        done = "thread" if request.POST.get("stop") == "thread" and link.discussion is not None else "mail"
        (mails.mute if done == "thread" else mails.stop)(link)
    reason = Reason(link.reason).label if link.reason in Reason.values else ""
    return render(request, "web/notifications/unsubscribe.html", {"link": link, "reason": reason, "done": done})
