"""What pages call each kind of repository, in one place: headings, buttons, counts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hub.repos.models import Kind


@dataclass(frozen=True)
class KindWords:
    """One kind in words. Texts are lazy; `count` puts a number before the noun."""

    kind: Kind
    icon: str
    plural: Any
    every: Any  # all of them
    find: Any
    new: Any
    create: Any
    use: Any
    none_yet: Any
    count: Callable[[int], str]
    # Why nothing can be done with one here but read it; empty where that is not so.
    not_run: Any = ""

    @property
    def path(self) -> str:
        """The first word of its addresses in lists and calls: `models`."""
        return f"{self.kind}s"

    @property
    def option(self) -> str:
        """What tools need beside the name: nothing for models, else ` --repo-type dataset`."""
        return "" if self.kind == Kind.MODEL else f" --repo-type {self.kind}"


KINDS = [
    KindWords(
        kind=Kind.MODEL,
        icon="chip",
        plural=_("Models"),
        every=_("All models"),
        find=_("Find models"),
        new=_("New model"),
        create=_("Create model"),
        use=_("Use this model"),
        none_yet=_("No model yet"),
        count=lambda count: ngettext("%(count)d model", "%(count)d models", count) % {"count": count},
    ),
    KindWords(
        kind=Kind.DATASET,
        icon="table",
        plural=_("Datasets"),
        every=_("All datasets"),
        find=_("Find datasets"),
        new=_("New dataset"),
        create=_("Create dataset"),
        use=_("Use this dataset"),
        none_yet=_("No dataset yet"),
        count=lambda count: ngettext("%(count)d dataset", "%(count)d datasets", count) % {"count": count},
    ),
    KindWords(
        kind=Kind.SPACE,
        icon="globe",
        plural=_("Spaces"),
        every=_("All spaces"),
        find=_("Find spaces"),
        new=_("New space"),
        create=_("Create space"),
        use=_("Get this space"),
        none_yet=_("No space yet"),
        count=lambda count: ngettext("%(count)d space", "%(count)d spaces", count) % {"count": count},
        not_run=_(
            "This hub stores spaces and shows their files. Nothing here runs them: get the files and start it yourself."
        ),
    ),
    KindWords(
        kind=Kind.KERNEL,
        icon="gear",
        plural=_("Kernels"),
        every=_("All kernels"),
        find=_("Find kernels"),
        new=_("New kernel"),
        create=_("Create kernel"),
        use=_("Use this kernel"),
        none_yet=_("No kernel yet"),
        count=lambda count: ngettext("%(count)d kernel", "%(count)d kernels", count) % {"count": count},
        not_run=_("This hub stores kernels and shows their files. Nothing here builds or runs them."),
    ),
    KindWords(
        kind=Kind.BUCKET,
        icon="folder",
        plural=_("Buckets"),
        every=_("All buckets"),
        find=_("Find buckets"),
        new=_("New bucket"),
        create=_("Create bucket"),
        use=_("Use this bucket"),
        none_yet=_("No bucket yet"),
        count=lambda count: ngettext("%(count)d bucket", "%(count)d buckets", count) % {"count": count},
    ),
]
_BY_NAME = {words.kind.value: words for words in KINDS}


def words_of(kind: str) -> KindWords:
    """Return the words for a kind, by its name or as it stands in addresses (`dataset`, `datasets`); else a model's."""
    return _BY_NAME.get(kind.removesuffix("s"), _BY_NAME[Kind.MODEL.value])
