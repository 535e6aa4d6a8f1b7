"""Reports of what should not be here, what moderators do about them, and what the public is told of that."""
