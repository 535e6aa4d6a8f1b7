"""What the community tells the apps above it. Sent inside the transaction: receivers queue their work on commit."""

from django.dispatch import Signal

# repository: Repository. Somebody likes it, or likes it no more.
likes_changed = Signal()
# reviewed: list of ids of models, liked: list of ids of repositories, which somebody reviewed and likes who counts otherwise
# now: suspended, back again, or gone.
voice_changed = Signal()
# repository: the model whose reviews say something else now: one was written, changed, deleted, hidden or shown again.
reviews_changed = Signal()
