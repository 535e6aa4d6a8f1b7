"""What the pages of a gated repository say about its gate: who is in, who waits, and the form to ask."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from hub.core.links import repo_path
from hub.core.markdown import render
from hub.repos.access_forms import AccessForm as Asked
from hub.repos.access_forms import form_of
from hub.repos.gates import may_ask_from, own_request
from hub.repos.models import AccessRequest, Gate, Repository
from hub.repos.permissions import may_administer, may_fetch
from hub.web.forms.access import AccessForm

Status = AccessRequest.Status


@dataclass(frozen=True)
class GatePanel:
    """admitted: the reader may fetch the files. form: None where there is nothing to fill in for them. waiting: how many
    wait for a decision, for those who decide. again_from: when somebody who was turned down may ask again."""

    admitted: bool
    request: AccessRequest | None = None
    waiting: int = 0
    asked: Asked | None = None
    prompt: SafeString | None = None
    description: SafeString | None = None
    form: AccessForm | None = None
    again_from: datetime | None = None

    @property
    def state(self) -> str:
        return self.request.status if self.request else ""


def panel_of(request: HttpRequest, repo: Repository, form: AccessForm | None = None) -> GatePanel:
    """Return the panel of a gated repository for who reads; `form`: what they have filled in already."""
    user = request.user
    if may_fetch(user, repo):
        decides = user.is_authenticated and may_administer(user, repo)
        waiting = AccessRequest.objects.filter(repository=repo, status=Status.PENDING).count() if decides else 0
        return GatePanel(True, None if decides else own_request(repo, user), waiting)
    own = own_request(repo, user)
    again_from = None
    if own is not None:
        own.repository = repo
        again_from = may_ask_from(own) if own.status == Status.REJECTED else None
    asked = form_of(repo)
    if form is None and user.is_authenticated and _may_ask(own, again_from, repo):
        form = AccessForm(asked.questions)
    return GatePanel(
        False,
        own,
        asked=asked,
        prompt=_html(repo, asked.prompt, "gate"),
        description=_html(repo, asked.description, "gate-more"),
        form=form,
        again_from=again_from,
    )


def _may_ask(own: AccessRequest | None, again_from: datetime | None, repo: Repository) -> bool:
    if own is None:
        return True
    if own.status == Status.REJECTED:
        return again_from is not None and again_from <= timezone.now()
    # Somebody who waits at a gate that opens by itself now.
    return repo.gate == Gate.AUTO


def _html(repo: Repository, text: str, scope: str) -> SafeString | None:
    if not text.strip():
        return None
    return render(text, link_base=repo_path(repo.kind, repo.full_name, "blob", rev="main"), scope=scope).html
