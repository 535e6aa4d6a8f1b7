"""What repositories tell the apps above them. Sent inside the transaction: receivers queue their work on commit."""

from django.dispatch import Signal

# repository: Repository, name: full ref name, old: str | None, new: str | None, actor: User | None
ref_updated = Signal()
# repository: Repository. Visibility or name has changed.
repository_changed = Signal()
# repository: Repository. It holds more large content than before, or less.
content_changed = Signal()
# repository: Repository. Somebody waits to be let in.
access_requested = Signal()
# requests: list[int], the ids of AccessRequest. Somebody else than who asked has let them in or turned them down.
access_decided = Signal()
# repository: Repository. It holds content that came whole, and that tools ask for by the hash of its chunks.
content_waits = Signal()
# repository: Repository, names: dict[str, str]. History was rewritten: old commit id -> new one, for each that changed.
commits_renamed = Signal()
# repository: Repository, actor: User. It has just been made; its kind tells what it is.
repository_created = Signal()
# repository: Repository, actor: User, old: str. It has another full name than `old`.
repository_moved = Signal()
# repository: Repository, actor: User | None. It is about to be deleted, its rows still there.
repository_deleted = Signal()
# release: Release, actor: User. Made by hand, by the API or by an annotated tag.
release_published = Signal()
# repository: Repository. Moderators have just taken it down: nobody reads it by any path.
repository_taken_down = Signal()
