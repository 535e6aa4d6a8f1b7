"""What strangers upload does nothing in a visitor's browser, however it is opened."""

from playwright.sync_api import Error

from tests.e2e.conftest import Visitor
from tests.live import Instance

# Each tries to mark the page, and to read what only pages of the hub may read.
SCRIPT = "window.pwned=1;document.title='pwned';fetch('/api/whoami-v2')"
FILES = {
    "page.html": f'<!doctype html><title>a</title><script>{SCRIPT}</script><img src=x onerror="{SCRIPT}">',
    "page.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><script>{SCRIPT}</script></html>',
    "drawing.svg": f'<svg xmlns="http://www.w3.org/2000/svg" onload="{SCRIPT}"><script>{SCRIPT}</script></svg>',
    "feed.xml": f'<?xml version="1.0"?><x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>{SCRIPT}</h:script></x>',
    "paper.pdf": "%PDF-1.4\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
    "README": f"<script>{SCRIPT}</script>",
    "code.js": SCRIPT,
}


def test_uploaded_files_run_nothing(live_hub: Instance, visit: Visitor) -> None:
    name = visit.sign_up()
    repo = visit.create("model", "hostile")
    files = "; ".join(f"put({path!r}, {content!r})" for path, content in FILES.items())
    live_hub.manage(
        "shell",
        "--no-imports",
        "--command",
        "from hub.repos.git.commits import Stage, create_commit\n"
        "from hub.repos.models import Repository\n"
        f"repo = Repository.objects.named('model', {name!r}, 'hostile').get()\n"
        "stage, operations = Stage(repo), []\n"
        "def put(path, content):\n    operations.append(stage.file(path, content.encode()))\n"
        f"{files}\nstage.finish()\n"
        "create_commit(repo=repo, actor=repo.created_by, operations=operations, title='Try')",
    )
    page = visit.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    shown = 0
    for path in FILES:
        for way in ("resolve", "raw"):
            try:
                answer = page.goto(f"{visit.hub}{repo}/{way}/main/{path}")
            except Error as download:
                # Saved, not shown.
                if "Download is starting" in str(download) or "ERR_ABORTED" in str(download):
                    continue
                raise
            assert answer is not None
            assert answer.status == 200, (way, path)
            assert page.evaluate("[window.pwned, document.title]")[0] is None, (way, path)
            shown += 1
    assert shown > 6
    assert not [url for url in asked if "whoami" in url]
    # As an image of a page of the hub, a drawing with scripts is a drawing.
    page.set_content(f'<img src="{visit.hub}{repo}/resolve/main/drawing.svg">')
    assert page.evaluate("window.pwned") is None
    visit.errors.clear()  # What the policy refused is said in the console.
