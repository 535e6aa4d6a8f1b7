"""Pull requests: discussions with commits of their own, at `refs/pr/N`, that a branch may take in."""

from django.db import models

from hub.community.models.discussion import Discussion
from hub.core.fields import HexField
from hub.repos.models.git import BRANCH_PREFIX, MAIN, pull_request_ref


class PullRequest(models.Model):
    """What makes a discussion a pull request. Its commits are at `ref`; its state is the discussion's status."""

    discussion = models.OneToOneField(
        Discussion, primary_key=True, on_delete=models.CASCADE, related_name="pull_request"
    )
    base = models.CharField(max_length=255, default=MAIN)  # the full name of the branch that is to take it in
    start = HexField(length=20)  # the commit of `base` that it was made from
    # The full name of the branch of this repository that it was made from, and whose new commits it gets; "" for none.
    source = models.CharField(max_length=255, blank=True)
    # Once it is merged: its head then, and the commit of `base` that took it in.
    head = HexField(length=20, null=True)
    merge = HexField(length=20, null=True)

    def __str__(self) -> str:
        return f"{self.discussion} into {self.branch}"

    @property
    def ref(self) -> str:
        return pull_request_ref(self.discussion.number)

    @property
    def branch(self) -> str:
        """The short name of `base`."""
        return self.base.removeprefix(BRANCH_PREFIX)

    @property
    def source_branch(self) -> str:
        """The short name of `source`."""
        return self.source.removeprefix(BRANCH_PREFIX)
