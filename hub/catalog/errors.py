"""Why a search is refused."""

from hub.core.errors import Invalid


class SearchInvalid(Invalid):
    """A sort order, cursor or range that search does not know. `field` names the parameter."""

    code = "SearchInvalid"
