"""What the community tells, or asks, the apps above it. Sent inside the transaction: receivers queue their work on commit."""

from django.dispatch import Signal

# user: User, who asks for all that the hub keeps of them. Receivers return a Part of `exporting/tables.py`.
export_asked = Signal()
# repository: Repository. Somebody likes it, or likes it no more.
likes_changed = Signal()
# reviewed: list of ids of models, liked: list of ids of repositories, which somebody reviewed and likes who counts otherwise
# now: suspended, back again, or gone.
voice_changed = Signal()
# repository: the model whose reviews say something else now: one was written, changed, deleted, hidden or shown again.
reviews_changed = Signal()
