"""What repositories, refs and files may be called."""

import re

from django.utils.translation import gettext as _

from hub.core.errors import Invalid
from hub.repos.errors import PathInvalid, RepoNameInvalid
from hub.repos.models.repository import MAX_REPO_NAME

_REPO = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_]|[.-](?![.-]))*")

# Words that follow a repository in addresses, so that `/ada/tree/...` can never mean two things.
RESERVED_REPOS = frozenset(
    """
    access auth-check blob branch branches collect commit commits compare delete demo discussions duplicate edit
    evaluations follow git-receive-pack git-upload-pack info jwt leaderboard lfs-files like likers likes new
    paths-info preupload raw refs releases resolve reviews revision safetensors-metadata settings super-squash
    tag tags tree upload user-access-request xet-read-token xet-write-token
    """.split()
)

MAX_PATH_BYTES = 1024
MAX_SEGMENT_BYTES = 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\\]")
# Characters that a Mac's file system leaves out when it compares names.
_INVISIBLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")

MAX_REF_BYTES = 200
# What names a commit cannot name a branch: everybody would have to guess which one is meant.
FULL_ID = re.compile(r"[0-9a-f]{40}")
# How large content is named.
SHA256 = re.compile(r"[0-9a-f]{64}")
# Git's own rules, and the control characters above ASCII, which some terminals obey: names are shown by every fetch.
_REF_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|/\.|\.lock(/|$)")


def check_repo_name(name: str) -> None:
    """Raise RepoNameInvalid where `name` cannot be the part after the slash."""
    if not 1 <= len(name) <= MAX_REPO_NAME:
        raise RepoNameInvalid(
            _("A repository's name has 1 to %(max)d characters.") % {"max": MAX_REPO_NAME}, field="name"
        )
    if not _REPO.fullmatch(name) or name[-1] in ".-" or name.lower().endswith((".git", ".ipynb")):
        raise RepoNameInvalid(
            _(
                "A repository's name has letters a to z, digits, underscores, and single hyphens or dots between them; "
                "it does not end in .git or .ipynb."
            ),
            field="name",
        )
    if name.lower() in RESERVED_REPOS:
        raise RepoNameInvalid(_("“%(name)s” is reserved. Choose another name.") % {"name": name}, field="name")


def check_path(path: str) -> None:
    """Raise PathInvalid where `path` is not a plain relative file path that every system can hold."""
    segments = path.split("/")
    reason = ""
    if _CONTROL.search(path):
        reason = _("it holds a control character, a backslash or broken Unicode")
    elif len(path.encode()) > MAX_PATH_BYTES:
        reason = _("it is longer than %(max)d bytes") % {"max": MAX_PATH_BYTES}
    elif any(len(s.encode()) > MAX_SEGMENT_BYTES for s in segments):
        reason = _("one of its names is longer than %(max)d bytes") % {"max": MAX_SEGMENT_BYTES}
    elif any(s in ("", ".", "..") for s in segments):
        reason = _("it has an empty, “.” or “..” segment")
    elif any(_is_dot_git(s) for s in segments):
        reason = _("git keeps the name .git for itself")
    if reason:
        raise PathInvalid(
            _("“%(path)s” cannot be a file's path: %(reason)s.") % {"path": path[:200], "reason": reason}, field="path"
        )


def _is_dot_git(segment: str) -> bool:
    """Tell `.git` in the spellings that file systems take for it: other case, trailing dots and blanks, invisible
    characters, `git~1`."""
    bare = _INVISIBLE.sub("", segment).lower().split(":")[0].rstrip(". ")
    return bare in (".git", "git~1")


def check_ref_name(name: str, *, field: str = "name") -> None:
    """Raise Invalid where `name` (a branch or tag, without refs/heads/) breaks git's rules for refs."""
    if (
        not name
        or len(name.encode(errors="replace")) > MAX_REF_BYTES
        or _REF_FORBIDDEN.search(name)
        or FULL_ID.fullmatch(name)
        or name.startswith(("/", ".", "-", "refs/"))
        or name.endswith(("/", "."))
        or name in ("@", "HEAD")
    ):
        raise Invalid(
            _("“%(name)s” cannot be the name of a branch or tag.") % {"name": name[:100]},
            field=field,
        )
