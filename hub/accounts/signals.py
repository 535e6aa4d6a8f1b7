"""What accounts tell the apps above them. Sent inside the transaction."""

from django.dispatch import Signal

# name: str. A user or an organization is about to take this name; a receiver that has given it away raises NameTaken.
name_wanted = Signal()
