"""`list_workers`: every worker that has a key."""

from typing import Any

from django.utils import timezone

from hub.core.management.base import HubCommand
from hub.jobs.models import Job, State, Worker


class Command(HubCommand):
    help = (
        "List the workers that have keys, a line each: name, kind, when last seen, sandbox, device, jobs that it runs."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for worker in Worker.objects.filter(revoked_at__isnull=True).order_by("name"):
            seen = "never seen"
            if worker.seen_at:
                seen = f"seen {(timezone.now() - worker.seen_at).total_seconds():.0f} s ago"
            running = Job.objects.filter(worker=worker, state=State.RUNNING).count()
            sandbox, device = worker.about.get("sandbox", "-"), worker.about.get("device", "-")
            self.stdout.write(
                f"{worker.name:<20} {worker.kind:<6} {seen:<18} {sandbox:<12} {device:<6} {running} running"
            )
