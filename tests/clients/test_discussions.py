"""Discussions by the library and the `hf` tool: what people do with them from scripts."""

from tests.clients.conftest import Client


def test_two_people_talk_through_the_library(ada: Client, bob: Client) -> None:
    repo = f"{ada.name}/talked-about"
    ada.run("hf", "repos", "create", repo)
    number = bob.python(f"""
        import json
        from huggingface_hub import HfApi
        api = HfApi()
        made = api.create_discussion("{repo}", title="  Which tokenizer? ", description="The *card* does not say.")
        assert made.url == "{ada.hub.url}/{repo}/discussions/1", made.url
        opening = made.events[0]
        assert (made.title, made.status, made.is_pull_request, made.author) == (
            "Which tokenizer?", "open", False, "{bob.name}"
        )
        assert (made.repo_id, made.repo_type, made.diff, made.target_branch) == ("{repo}", "model", None, None)
        assert (opening.type, opening.content, opening.author) == ("comment", "The *card* does not say.", "{bob.name}")
        assert opening.rendered.strip() == "<p>The <em>card</em> does not say.</p>"
        assert (opening.edited, opening.hidden, opening.edit_history) == (False, False, [])
        print(json.dumps(made.num))
    """)
    ada.python(f"""
        from huggingface_hub import HfApi
        api = HfApi()
        api.rename_discussion("{repo}", {number}, "Which tokenizer was used?")
        said = api.comment_discussion("{repo}", {number}, "The one of its base modle.")
        fixed = api.edit_discussion_comment("{repo}", {number}, said.id, "The one of its base model.")
        assert (fixed.content, fixed.edited, fixed.number_of_edits) == ("The one of its base model.", True, 1)
        assert fixed.last_edited_by == "{ada.name}" and fixed.last_edited_at >= fixed.created_at
        closed = api.change_discussion_status("{repo}", {number}, "closed", comment="Ask again if it is not.")
        assert (closed.type, closed.new_status) == ("status-change", "closed")
        # What the library has no call for, our own API does; the library reads on.
        from huggingface_hub.utils import build_hf_headers, get_session
        for change in ({{"locked": True, "pinned": True}}, {{"locked": False}}):
            answer = get_session().patch(
                "{ada.hub.url}/api/v1/models/{repo}/discussions/{number}", headers=build_hf_headers(), json=change
            )
            assert answer.status_code == 200, answer.text
    """)
    told = bob.python(f"""
        import json
        from huggingface_hub import HfApi
        api = HfApi()
        said = api.comment_discussion("{repo}", {number}, "oops")
        hidden = api.hide_discussion_comment("{repo}", {number}, said.id)
        assert hidden.hidden and hidden.content == "", hidden
        found = api.get_discussion_details("{repo}", {number})
        renamed = found.events[1]
        assert (renamed.old_title, renamed.new_title) == ("Which tokenizer?", "Which tokenizer was used?")
        print(json.dumps([found.title, found.status, [(e.type, e.author) for e in found.events]]))
    """)
    a, b = ada.name, bob.name
    assert told == [
        "Which tokenizer was used?",
        "closed",
        [
            *(["comment", b], ["title-change", a], ["comment", a], ["comment", a], ["status-change", a]),
            *(["pinning-change", a], ["locking-change", a], ["locking-change", a], ["comment", b]),
        ],
    ]


def test_lists_come_in_pages_and_by_state_and_author(ada: Client, bob: Client) -> None:
    repo = f"{ada.name}/much-talked-about"
    ada.run("hf", "repos", "create", repo, "--type", "dataset")
    _open_many(ada, repo, 105)
    told = bob.python(f"""
        import json
        from huggingface_hub import HfApi
        api = HfApi()
        api.create_discussion("{repo}", title="From somebody else", repo_type="dataset")
        api.change_discussion_status("{repo}", 106, "closed", repo_type="dataset")
        def listed(**how):
            return [d.num for d in api.get_repo_discussions("{repo}", repo_type="dataset", **how)]
        print(json.dumps([
            listed(), listed(author="{bob.name}"), listed(discussion_status="closed"),
            listed(discussion_type="pull_request"), len(listed(discussion_type="discussion", discussion_status="open")),
            listed(author="nobody-at-all"),
        ]))
    """)
    assert told == [list(range(106, 0, -1)), [106], [106], [], 105, []]


def _open_many(client: Client, repo: str, count: int) -> None:
    """Open discussions on the hub itself: nobody may post so much through it at once."""
    _namespace, name = repo.split("/")
    client.hub.manage(
        "shell",
        "--no-imports",
        "--command",
        f"""
from hub.accounts.models import User
from hub.community.models import Discussion
from hub.repos.models import Repository
from hub.repos.services import next_number
user, repo = User.objects.get(username="{client.name}"), Repository.objects.get(name="{name}")
for n in range({count}):
    Discussion.objects.create(repository=repo, number=next_number(repo), title=f"Number {{n}}", author=user)
""",
    )


def test_what_is_refused_says_why(ada: Client, bob: Client) -> None:
    repo, secret = f"{ada.name}/refusing", f"{ada.name}/secret"
    ada.run("hf", "repos", "create", repo)
    ada.run("hf", "repos", "create", secret, "--private")
    told = bob.python(f"""
        import json
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError
        api = HfApi()
        made = api.create_discussion("{repo}", title="Mine", description="first")
        ada = HfApi(token="{ada.token}")
        other = ada.create_discussion("{repo}", title="Hers", description="first")
        theirs = other.events[0].id
        refused = []
        for call in (
            lambda: api.create_discussion("{repo}", title="x" * 201),
            lambda: api.comment_discussion("{repo}", 1, "x" * 70_000),
            lambda: api.comment_discussion("{repo}", 1, "nul" + chr(0)),
            lambda: api.comment_discussion("{repo}", 9, "nobody here"),
            lambda: api.edit_discussion_comment("{repo}", 2, theirs, "words in your mouth"),
            lambda: api.hide_discussion_comment("{repo}", 2, theirs),
            lambda: api.edit_discussion_comment("{repo}", 1, theirs, "by another door"),
            lambda: api.change_discussion_status("{repo}", 2, "closed"),
            lambda: api.rename_discussion("{repo}", 2, "Mine too"),
            lambda: api.merge_pull_request("{repo}", 1),
            lambda: api.create_discussion("{secret}", title="Knock"),
            lambda: HfApi(token=False).create_discussion("{repo}", title="Nobody"),
        ):
            try:
                call()
                refused.append("let through")
            except HfHubHTTPError as error:
                refused.append([error.response.status_code, str(error).splitlines()[-1]])
        print(json.dumps(refused))
    """)
    assert [status for status, _said in told] == [400, 400, 400, 404, 403, 403, 404, 403, 403, 403, 404, 401]
    assert "at most 200 characters" in told[0][1]


def test_the_command_line_tool_opens_answers_and_lists(ada: Client, bob: Client) -> None:
    repo = f"{ada.name}/by-tool"
    ada.run("hf", "repos", "create", repo)
    bob.run("hf", "discussions", "create", repo, "--title", "By tool", "--body", "Hello from a shell")
    ada.run("hf", "discussions", "comment", repo, "1", "--body", "Hello back")
    ada.run("hf", "discussions", "close", repo, "1", "--yes", "--comment", "Done")
    listed = ada.run("hf", "discussions", "list", repo, "--status", "closed", "--format", "json")
    assert "By tool" in listed
    assert "Hello from a shell" not in listed
    ada.run("hf", "discussions", "reopen", repo, "1", "--yes")
    assert "open" in ada.run("hf", "discussions", "info", repo, "1", "--format", "json")
    bob.run("hf", "discussions", "create", repo, "--title", "By tool, too", "--pull-request")
    assert "draft" in ada.run("hf", "discussions", "info", repo, "2", "--format", "json")
