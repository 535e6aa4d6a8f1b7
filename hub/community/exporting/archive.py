"""Writing the archive: a ZIP of JSON, one line for each thing. `README.md` in it tells what is where, and what is not in it.

What is said in repositories that they may not read any more is theirs; the names of those repositories are not, and are null.
"""

import json
import zipfile
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from hub.accounts.models import User
from hub.community.exporting.known import known_part
from hub.community.exporting.tables import Part
from hub.community.models import Attachment
from hub.community.signals import export_asked
from hub.core.models import record
from hub.core.throttles import check_rate
from hub.repos.storage.accounting import usage_in
from hub.repos.storage.quotas import quota_of

EXPORTS = 5  # of one person in a day
DAY = 86_400  # seconds

# What profile.json and notification_settings.json are about, as `Table.covers`.
COVERED = ("accounts.Namespace.user", "community.NotificationSettings.user")

README = """\
# Your data

Made for {name} at {at}. Each file `*.jsonl` has one JSON object in a line; times are UTC, in ISO 8601. `repository` is null
where you may not read it any more.

| File | What it holds |
|---|---|
| profile.json | your account: names, texts, settings |
| notification_settings.json | how you are told of what happens |
| storage.json | how many bytes your repositories take up, and how many they may |
{files}
| uploads/ | the pictures of uploads.jsonl |

## What is not in here

{left_out}
- Passwords, and the secrets of tokens, webhooks and second factors.
- The content of repositories: fetch it by git, or by the client.
- What belongs to an organization: its administrators see it on its pages.
"""


def write_export(*, user: User, file: IO[bytes]) -> None:
    """Write the ZIP of a person's data into `file`. Raises TooMany. Memory is bounded, whatever they have written."""
    check_rate("export", user.pk, limit=EXPORTS, seconds=DAY)
    record(actor=user, verb="user.export", target=user.username)
    parts = parts_of(user)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", _readme(user, parts))
        archive.writestr("profile.json", _dump(_profile(user)))
        archive.writestr("notification_settings.json", _dump(_notification_settings(user)))
        archive.writestr("storage.json", _dump(_storage(user)))
        for table in (table for part in parts for table in part.tables):
            with archive.open(f"{table.name}.jsonl", "w") as member:
                for row in table.rows:
                    member.write(_dump(row) + b"\n")
        for picture in Attachment.objects.filter(owner=user).iterator(chunk_size=1):
            kind = picture.content_type.rpartition("/")[2]
            archive.writestr(f"uploads/{picture.key}.{kind}", bytes(picture.content))


def parts_of(user: User) -> list[Part]:
    """Return what each app exports of a person. Nothing is read yet."""
    asked: list[tuple[Any, Any]] = export_asked.send(User, user=user)
    return [known_part(user), *(part for _receiver, part in asked)]


def _readme(user: User, parts: list[Part]) -> str:
    files = [f"| {table.name}.jsonl | {table.text} |" for part in parts for table in part.tables]
    # Several fields of one kind have one reason.
    reasons = dict.fromkeys(reason for part in parts for reason in part.left_out.values())
    return README.format(
        name=user.username,
        at=timezone.now().isoformat(),
        files="\n".join(files),
        left_out="\n".join(f"- {reason}" for reason in reasons),
    )


def _dump(value: Any) -> bytes:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _profile(user: User) -> dict[str, Any]:
    fields = ("username", "display_name", "email", "bio", "website", "language", "second_factor", "date_joined")
    standing = ("last_login", "suspended_at", "suspended_until", "suspension_reason")
    return {name: getattr(user, name) for name in (*fields, *standing)}


def _notification_settings(user: User) -> dict[str, Any]:
    settings = getattr(user, "notification_settings", None)
    names = ("direct", "mentioned", "participating", "watching", "watch_own", "digested_at")
    return {name: getattr(settings, name) for name in names} if settings else {}


def _storage(user: User) -> dict[str, Any]:
    usage = usage_in(user.namespace)
    return {
        "quota": quota_of(user.namespace) or None,
        "used": usage.held,
        "large_files": usage.large,
        "git": usage.git,
        "stored": usage.stored,
    }
