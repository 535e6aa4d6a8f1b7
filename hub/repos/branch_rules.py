"""Protected branches: the rules that an owner makes. What they forbid is in `permissions.check_may_move`."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from hub.accounts.models import User
from hub.core.errors import Conflict, Invalid, NotFound
from hub.core.models import record
from hub.repos.models import BranchRule, Repository
from hub.repos.names import check_ref_name

MAX_RULES = 50  # of one repository; each is tried at every push


@transaction.atomic
def add_branch_rule(*, repo: Repository, actor: User, pattern: str, admins_only: bool = False) -> BranchRule:
    """Protect the branches whose name fits `pattern` (`*` stands for any characters) from deletion and rewriting; with
    `admins_only`, from any change by others than administrators. The caller has passed get_repo_for_admin.

    Raises Invalid, Conflict.
    """
    try:
        check_ref_name(pattern.replace("*", "x"), field="pattern")
    except Invalid as error:
        raise Invalid(
            _("“%(pattern)s” fits no branch. Write a branch's name; * stands for any characters.")
            % {"pattern": pattern[:100]},
            field="pattern",
        ) from error
    # One at a time for each repository, so that the limit holds.
    Repository.objects.select_for_update().get(pk=repo.pk)
    if repo.branch_rules.count() >= MAX_RULES:
        raise Conflict(
            _("A repository has at most %(max)d rules. Remove one, or let a pattern with * stand for several.")
            % {"max": MAX_RULES},
            field="pattern",
        )
    try:
        with transaction.atomic():
            rule = BranchRule.objects.create(repository=repo, pattern=pattern, admins_only=admins_only)
    except IntegrityError as error:
        raise Conflict(
            _("There is a rule for “%(pattern)s” already. Remove it first.") % {"pattern": pattern}, field="pattern"
        ) from error
    _record(repo, actor, "add", rule)
    return rule


@transaction.atomic
def remove_branch_rule(*, repo: Repository, actor: User, rule_id: int) -> None:
    """Protect nothing by this rule any more. The caller has passed get_repo_for_admin. Raises NotFound."""
    rule = BranchRule.objects.filter(repository=repo, pk=rule_id).first()
    if rule is None:
        raise NotFound(_("There is no such rule here; somebody may just have removed it."))
    _record(repo, actor, "remove", rule)
    rule.delete()


def _record(repo: Repository, actor: User, what: str, rule: BranchRule) -> None:
    record(
        actor=actor,
        verb=f"branch_rule.{what}",
        target=repo.audit_name,
        pattern=rule.pattern,
        admins_only=rule.admins_only,
    )
