"""What discussions do when refs move: a pull request tells which commits it has got, in the same transaction, so that what
happened to it has one order."""

from typing import Any

from django.dispatch import receiver

from hub.accounts.models import User
from hub.community.models.pull_request import number_of_ref
from hub.community.pull_requests import tell_commits
from hub.repos.models import Repository
from hub.repos.signals import ref_updated


@receiver(ref_updated)
def tell_pull_request(
    repository: Repository, name: str, old: str | None, new: str | None, actor: User | None, **_kwargs: Any
) -> None:
    number = number_of_ref(name)
    if number is not None and old is not None and new is not None:
        tell_commits(repo=repository, number=number, old=old, new=new, actor=actor)
