"""What is asked of repositories and their storage by who watches over the hub."""

from collections.abc import Iterator

from django.db import connection
from django.db.models import Count, Max, Sum

from hub.core.metrics import Value
from hub.repos.models import Blob, Repository, StorageRun, Xorb

SECONDS = 60
_SIZES = {"large": "usage__large_size", "git": "usage__git_size", "stored": "usage__stored_size"}
_KEPT = {"whole": Blob, "xorb": Xorb}


def values() -> Iterator[Value]:
    """Eight queries: one goes over the repositories, the others over what indexes hold apart."""
    rows = Repository.objects.order_by("kind").values_list("kind").annotate(Count("pk"), *map(Sum, _SIZES.values()))
    for kind, count, *sizes in rows:
        yield Value("grove_repositories", "Repositories.", count, {"kind": kind})
        for name, size in zip(_SIZES, sizes, strict=True):
            text = "Bytes of repositories, as last counted."
            yield Value("grove_repository_bytes", text, size or 0, {"kind": kind, "of": name})
    for name, model in _KEPT.items():
        about = _estimate(model._meta.db_table)
        yield Value("grove_kept", "Objects of the store, as the database estimates.", about, {"of": name})
        damaged = model._base_manager.filter(damaged_at__isnull=False).count()
        yield Value("grove_damaged", "Objects whose bytes are not what they were.", damaged, {"of": name})
        condemned = model._base_manager.filter(condemned_at__gte=0).count()
        yield Value("grove_condemned", "Objects that wait to be deleted.", condemned, {"of": name})
    done = StorageRun.objects.filter(finished_at__isnull=False).order_by("task")
    for task, at in done.values_list("task").annotate(Max("finished_at")):
        text = "When a pass over the storage was last done to its end."
        yield Value("grove_storage_run_timestamp_seconds", text, at.timestamp(), {"task": task})


def _estimate(table: str) -> int:
    """Return about how many rows a table has, without counting them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        return int(cursor.fetchone()[0])
