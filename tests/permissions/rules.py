"""What each right lets whom do, told once more and apart from the hub's own code; and how an answer is read."""

from django.http import HttpResponse

from tests.permissions.world import Principal

OK, ABSENT, SIGN_IN, REFUSED, GATED, INVALID = "ok", "absent", "sign in", "refused", "gated", "invalid"
_NAMED = {"RepoNotFound": ABSENT, "GatedRepo": GATED, "SignInNeeded": SIGN_IN} | dict.fromkeys(
    ("NotWritable", "ReadOnlyToken", "Suspended", "Forbidden"), REFUSED
)

# What takes an account, and has nothing to do with one repository.
_OF_NO_REPO = ("signed", "acts", "manage", "belong", "room", "make", "curate", "moderate", "decide", "lead")
_WRITES = ("say", "review", "propose", "write", "push", "administer", "name")


def expected(need: str, who: Principal, repo: str, *, page: bool) -> str:
    """What somebody is to be answered who asks for something that needs this right.

    open: nothing but a token that is none, or good. public: not even that. nobody: a right that none of these has.
    signed, acts: an account; one whose token may write. known, fetch: to know of the repository; to have its files.
    say, propose, write, administer, name: to speak about it; propose changes; change it; decide about it; give it short names.
    ask: an account, before anything is looked up; then to have its files. push: as write.
    review: as say, of what is not one's own. manage, lead: to be an administrator of the organization; who acts. belong: to
    be anything in it.
    room: to be anything in it, or an administrator of the hub. moderate, decide: to be an administrator of the hub; who acts.
    make: to make repositories in it, from contributor on. curate: to change its collections, from writer on.
    """
    if need == "public":
        return OK
    if not who.valid and not page:
        return INVALID
    first = need.endswith("!")
    need = need.rstrip("!")
    signed_in = who.signed_in and who.valid and not who.job
    if need in ("ask", *_OF_NO_REPO) and not signed_in:
        return SIGN_IN
    if first and not signed_in:
        return SIGN_IN
    if need not in ("open", *_OF_NO_REPO) and not _knows(who, repo):
        return ABSENT
    if need in ("fetch", "propose", "ask") and not _fetches(who, repo):
        return GATED
    if need in _WRITES and not signed_in:
        return SIGN_IN
    if need in ("acts", "make", "curate", "decide", "lead", *_WRITES) and not (who.writes and who.acts):
        return REFUSED
    allowed = {
        "write": who.may_write(),
        "push": who.may_write(),
        "review": who.role is None,
        "belong": who.role is not None,
        "room": who.role is not None or who.site_admin,
        "administer": who.may_administer(),
        "name": who.site_admin,
        "moderate": who.site_admin,
        "decide": who.site_admin,
        "manage": who.role == "admin" and who.acts,
        "lead": who.role == "admin",
        "make": who.role not in (None, "read"),
        "curate": who.role in ("write", "admin"),
    }
    return OK if allowed.get(need, True) else REFUSED


def _knows(who: Principal, repo: str) -> bool:
    return who.may_know(repo) and (who.valid or repo != "hidden")


def _fetches(who: Principal, repo: str) -> bool:
    return who.may_fetch(repo) and (who.valid or repo == "public")


def read(answer: HttpResponse, *, page: bool) -> str:
    """Say what an answer means."""
    status, code = answer.status_code, answer.headers.get("X-Error-Code", "")
    if code in _NAMED:
        return _NAMED[code]
    to = answer.headers.get("Location", "")
    if page and status == 302 and to.startswith("/login?"):
        return SIGN_IN
    if page and status == 302 and to.endswith("/access"):
        return GATED
    if page and status in (403, 404):
        return REFUSED if status == 403 else ABSENT
    return INVALID if status == 401 else OK
