"""What repositories tell the apps above them. Sent inside the transaction: receivers queue their work on commit."""

from django.dispatch import Signal

# repository: Repository, name: full ref name, old: str | None, new: str | None, actor: User | None
ref_updated = Signal()
# repository: Repository. Visibility or name has changed.
repository_changed = Signal()
