"""What accounts tell the apps above them. Sent inside the transaction."""

from django.dispatch import Signal

# name: str. A user or an organization is about to take this name; a receiver that has given it away raises NameTaken.
name_wanted = Signal()
# invitation: MemberInvitation, of a user by name.
invited = Signal()
# request: JoinRequest.
join_requested = Signal()
# user: User, whom a moderator has just suspended, or whose suspension is over.
standing_changed = Signal()
# membership: Membership; actor: User, who let them in. Not sent for who makes an organization.
member_joined = Signal()
