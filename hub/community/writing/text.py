"""What people write, in Markdown, as HTML."""

import time
from collections.abc import Mapping

from django.contrib.auth.models import AnonymousUser
from django.utils.html import format_html

from hub.accounts.models import Someone
from hub.community.writing.references import References, parsed
from hub.core.links import repo_path
from hub.core.markdown import Rendered, render
from hub.repos.models import Repository

MAX_TEXT = 65_536  # characters of a description or comment
# For the texts of one answer together. Only texts that are made to be slow reach it.
MAX_SECONDS = 2.0
ANYBODY = AnonymousUser()


def render_text(repo: Repository, text: str, *, scope: str = "", reader: Someone = ANYBODY) -> Rendered:
    """Return `text` as HTML, as `reader` sees it. Relative links and images mean files of the repository's `main`, as they
    do in its card.

    scope: keeps ids of texts on one page apart.
    """
    return render_texts(repo, {scope: text}, reader=reader)[scope]


def render_texts(repo: Repository, texts: Mapping[str, str], *, reader: Someone = ANYBODY) -> dict[str, Rendered]:
    """Return the texts of one page, each under its scope, as HTML. `@ada`, `#12` and commits become links where `reader` may
    see what they name: four queries at most, and none where nothing is named.

    Short ones first: where the time runs out, the longest stay plain, and nobody's flood takes the others' marks away.
    """
    end = time.monotonic() + MAX_SECONDS / 2
    ready = {}
    for scope, text in sorted(texts.items(), key=lambda item: len(item[1])):
        if time.monotonic() > end:
            break
        ready[scope] = parsed(text)
    marker = References(ready.values(), repo=repo, reader=reader)
    link_base = repo_path(repo.kind, repo.full_name, "blob", rev="main")
    raw_base = repo_path(repo.kind, repo.full_name, "raw", rev="main")
    rendered = {}
    # A time of its own: what many floods took to be understood is not the short ones' to pay.
    end = time.monotonic() + MAX_SECONDS / 2
    for scope, text in sorted(texts.items(), key=lambda item: len(item[1])):
        if scope in ready and time.monotonic() < end:
            rendered[scope] = render(ready[scope], link_base=link_base, raw_base=raw_base, scope=scope, marker=marker)
        else:
            rendered[scope] = Rendered(format_html('<p class="preline">{}</p>', text), [], False, False)
    return rendered
