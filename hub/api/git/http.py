"""Git over smart HTTP: fetches by the real `git upload-pack`, pushes by our own rules (gitprotocol-http, gitprotocol-pack).

Git reads refusals as plain text, and asks for a name and a token where a 401 says Basic. Any name will do; the password is
an access token.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from hub.api.authentication import user_of_request
from hub.api.bodies import in_time, open_body
from hub.api.concurrency import ConcurrencyLimit
from hub.api.edge import View, writer
from hub.api.errors import MethodNotAllowed, respond_to
from hub.api.git import receiving
from hub.api.hf.downloads import note_clone
from hub.community.permissions import has_pull_requests, may_push_pull_request
from hub.core import callers, metrics
from hub.core.errors import HubError, Invalid, TooLarge
from hub.core.links import base_url, repo_path
from hub.repos.errors import NotWritable
from hub.repos.git.cache import open_cache, upload_pack_environment
from hub.repos.git.program import Errors, run, running
from hub.repos.git.pushing import Push
from hub.repos.models import GitRef, Repository
from hub.repos.permissions import get_repo_for_content, get_repo_for_proposing, get_repo_for_write

UPLOAD_PACK, RECEIVE_PACK = "git-upload-pack", "git-receive-pack"
# What a fetch sends is lists of commits that it has and wants.
MAX_FETCH_REQUEST = 64 * 1024 * 1024
# Seconds in which all that a fetch asks for has to come.
ASKING_SECONDS = 300
_PIECE = 64 * 1024
_RETRY_SECONDS = 10
# Of what a fetch asks, this much is looked at for what it wants: some hundreds of branches and tags.
_LOOKED_AT = 16 * 1024
_WANT = re.compile(rb"[0-9a-f]{4}want ([0-9a-f]{40})")


def git_view(method: str) -> Callable[[View], View]:
    """An endpoint for git: refusals leave as plain text, which git shows to whoever runs it."""

    def decorate(view: View) -> View:
        @csrf_exempt  # Only the Authorization header speaks here, and browsers do not send one by themselves.
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with translation.override("en"):
                request.user = AnonymousUser()
                try:
                    if request.method != method:
                        raise MethodNotAllowed([method])
                    request.user = user_of_request(request)
                    response = view(request, *args, **kwargs)
                except Exception as error:
                    response = _as_text(respond_to(error, request))
                response["Cache-Control"] = "no-cache, max-age=0, must-revalidate"
                return response

        return wrapped

    return decorate


def _as_text(response: HttpResponse) -> HttpResponse:
    if "X-Error-Message" in response:
        message = response["X-Error-Message"].encode("latin-1", "replace").decode("utf-8", "replace")
        response.content = f"{message}\n".encode()
        response["Content-Type"] = "text/plain; charset=utf-8"
    return response


@git_view("GET")
def info_refs(request: HttpRequest, namespace: str, name: str, kind: str) -> HttpResponseBase:
    """GET {repo}/info/refs?service=git-upload-pack: what there is to fetch, or to push to."""
    service = request.GET.get("service", "")
    if service == UPLOAD_PACK:
        repo = get_repo_for_content(request.user, kind, namespace, name)
        protocol = request.headers.get("Git-Protocol", "")[:200]
        with _place(request), open_cache(repo) as cache:
            env = upload_pack_environment(protocol)
            lines = run(cache, "upload-pack", "--advertise-refs", str(cache), env=env, seconds=60)
        # A server of version 2 begins with what it can do, at once.
        first = b"" if "version=2" in protocol.split(":") else receiving.line(b"# service=git-upload-pack\n") + b"0000"
        return _answer(service, "advertisement", first + lines)
    if service == RECEIVE_PACK:
        repo, _writes = _repo_for_push(request, kind, namespace, name)
        return _answer(
            service,
            "advertisement",
            receiving.line(b"# service=git-receive-pack\n") + b"0000" + receiving.advertise(repo),
        )
    raise Invalid("This hub speaks smart HTTP only: git 1.6.6 or newer. Ask with ?service=git-upload-pack.")


def _answer(service: str, what: str, content: bytes) -> HttpResponse:
    return HttpResponse(content, content_type=f"application/x-{service}-{what}")


@git_view("POST")
def upload_pack(request: HttpRequest, namespace: str, name: str, kind: str) -> HttpResponseBase:
    """POST {repo}/git-upload-pack: the objects that a fetch asks for, as they come. Memory: one piece, here."""
    repo = get_repo_for_content(request.user, kind, namespace, name)
    with ExitStack() as stack:
        stack.enter_context(_place(request))
        wanted = stack.enter_context(_spooled(request))
        cache = stack.enter_context(open_cache(repo))
        if request.user.is_authenticated and (commits := _fetched(repo, wanted)):
            note_clone(request, repo, commits)
        pieces = _Fetch(stack, cache, wanted, request.headers.get("Git-Protocol", "")[:200])
    # Whoever reads slowly holds a thread, not a connection to the database.
    if not connection.in_atomic_block:
        connection.close()
    return StreamingHttpResponse(pieces, content_type=f"application/x-{UPLOAD_PACK}-result")


def _fetched(repo: Repository, wanted: IO[bytes]) -> list[str]:
    """Return the commits of branches and tags that a fetch asks for whole: with a filter, it leaves the content out."""
    asked = wanted.read(_LOOKED_AT)
    wanted.seek(0)
    if b"filter " in asked:
        return []
    names = {name.decode() for name in _WANT.findall(asked)}
    return [ref.commit for ref in GitRef.objects.filter(repository=repo, oid__in=names)] if names else []


@git_view("POST")
def receive_pack(request: HttpRequest, namespace: str, name: str, kind: str) -> HttpResponseBase:
    """POST {repo}/git-receive-pack: a push. What became of each ref is in the answer, whose status says nothing."""
    repo, writes = _repo_for_push(request, kind, namespace, name)
    user = writer(request)
    with _place(request), _body(request, seconds=settings.GIT_SECONDS) as body:
        asked = receiving.read_commands(body)
        if not asked.commands:
            # Before a push in pieces, git asks so whether its token is taken.
            return _answer(RECEIVE_PACK, "result", b"")
        push = Push(
            repo=repo,
            actor=user,
            writes=writes,
            may_change_pull=lambda number: may_push_pull_request(user, repo, number),
            commands=asked.commands,
            atomic="atomic" in asked.capabilities,
        )
        refusal = None
        try:
            push.carry_out(body if any(command.new for command in asked.commands) else None)
        except HubError as error:
            refusal = error
        address = f"{base_url(request)}{repo_path(repo.kind, repo.full_name)}"
        return _answer(RECEIVE_PACK, "result", receiving.report(asked, refusal, address))


def _repo_for_push(request: HttpRequest, kind: str, namespace: str, name: str) -> tuple[Repository, bool]:
    """Return the repository that the caller may push something to, and whether that is more than a pull request."""
    try:
        return get_repo_for_write(request.user, kind, namespace, name), True
    except NotWritable:
        repo = get_repo_for_proposing(request.user, kind, namespace, name)
        if not has_pull_requests(writer(request), repo):
            raise
        return repo, False


class _Fetch:
    """The output of `git upload-pack`. The program ends when this is closed, which Django does when the caller is gone."""

    def __init__(self, stack: ExitStack, cache: Path, wanted: IO[bytes], protocol: str) -> None:
        process = stack.enter_context(
            running(
                cache,
                "upload-pack",
                "--stateless-rpc",
                str(cache),
                stdin=wanted,
                seconds=settings.GIT_SECONDS,
                env=upload_pack_environment(protocol),
            )
        )
        assert process.stdout is not None
        self._output: Any = process.stdout
        self._errors = Errors(process)
        self._held = stack.pop_all()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece: bytes = self._output.read1(_PIECE)
        if not piece:
            raise StopIteration
        return piece

    def close(self) -> None:
        self._held.close()


@contextmanager
def _spooled(request: HttpRequest) -> Iterator[IO[bytes]]:
    """The request's body as a file that a program can read. Raises TooLarge, Invalid."""
    with TemporaryFile() as file:
        with _body(request, seconds=ASKING_SECONDS) as body:
            for piece in _pieces(body):
                file.write(piece)
                if file.tell() > MAX_FETCH_REQUEST:
                    raise TooLarge(f"A fetch may ask with up to {MAX_FETCH_REQUEST} bytes.")
        file.seek(0)
        yield file


@contextmanager
def _body(request: HttpRequest, *, seconds: float) -> Iterator[BinaryIO]:
    """Open the body for reading, which has to come within `seconds`."""
    with in_time(request, seconds=seconds):
        yield open_body(request)


def _pieces(body: BinaryIO) -> Iterator[bytes]:
    try:
        while piece := body.read(_PIECE):
            yield piece
    except (EOFError, OSError) as error:
        raise Invalid("The request could not be read to its end. Send it again.") from error


# --- how many at once ----------------------------------------------------------------------------------------------------

_running = ConcurrencyLimit(
    "As many fetches and pushes are running as this hub serves at once. Try again in a few seconds.",
    retry_after=_RETRY_SECONDS,
)


@contextmanager
def _place(request: HttpRequest) -> Iterator[None]:
    """Hold one of the caller's places, and one of all. Raises TooMany."""
    user = request.user
    who = f"user {user.pk}" if user.is_authenticated else f"address {callers.address_of(request)}"
    with _running.held_by(who, each=settings.GIT_CONCURRENCY, everybody=settings.GIT_PROCESSES):
        metrics.GIT.inc()
        try:
            yield
        finally:
            metrics.GIT.dec()
