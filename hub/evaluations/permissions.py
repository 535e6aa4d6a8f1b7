"""Loading an evaluation, and who may cancel it."""

from django.db.models import BigIntegerField
from django.utils.translation import gettext as _

from hub.accounts.models import Someone, User
from hub.core.errors import NotFound
from hub.evaluations.errors import BadSettings, EvaluationNotFound, NotYourEvaluation
from hub.evaluations.models import Run
from hub.repos.errors import RepoMoved
from hub.repos.models import Kind, Repository
from hub.repos.permissions import check_may_act, get_repo_for_read, may_write


def get_run(user: Someone, run_id: int, model: Repository | None = None) -> Run:
    """Return an evaluation (of `model`) if `user` may read both of its repositories. Raises EvaluationNotFound."""
    found = None
    if run_id <= BigIntegerField.MAX_BIGINT:
        runs = Run.objects.visible_to(user).with_names().filter(pk=run_id)
        found = (runs.filter(model=model) if model else runs).first()
    if found is None:
        raise EvaluationNotFound(
            _("There is no evaluation number %(id)s here that you may see.") % {"id": str(run_id)[:20]}
        )
    return found


def get_named(user: Someone, kind: Kind, full_name: str) -> Repository:
    """Return the repository `owner/name` of a form or a request's body. Raises BadSettings, which names the field."""
    owner, _slash, name = full_name.strip().partition("/")
    try:
        try:
            return get_repo_for_read(user, kind, owner, name)
        except RepoMoved as moved:
            return get_repo_for_read(user, kind, *moved.full_name.split("/"))
    except NotFound as error:
        raise BadSettings(error.message, field=kind) from error


def may_cancel(user: Someone, run: Run) -> bool:
    """Tell whether `user` may cancel it: who started it, whoever may change the model, and staff."""
    if not isinstance(user, User) or (user.acting_token is not None and not user.acting_token.may_write):
        return False
    return user.pk == run.user_id or user.is_staff or may_write(user, run.model)


def check_may_cancel(user: Someone, run: Run) -> None:
    """Raises WriteNeedsSignIn, ReadOnlyToken, NotYourEvaluation."""
    check_may_act(user)
    if not may_cancel(user, run):
        raise NotYourEvaluation(
            _("Only %(who)s and those who maintain %(model)s may cancel this.")
            % {"who": run.user.username if run.user else _("whoever started it"), "model": run.model.full_name}
        )
