"""What the client library tags, the site and our own API release; and the other way round."""

import json
from urllib.request import Request, urlopen

from tests.clients.conftest import Client


def ask(client: Client, path: str, send: dict[str, object] | None = None, method: str = "GET") -> dict[str, object]:
    request = Request(  # noqa: S310 - an address of our own live hub
        f"{client.hub.url}/api/v1{path}",
        data=None if send is None else json.dumps(send).encode(),
        method=method,
        headers={"Authorization": f"Bearer {client.token}"},
    )
    with urlopen(request, timeout=60) as answer:  # noqa: S310
        told: dict[str, object] = json.loads(answer.read() or b"{}")
        return told


def test_a_tag_with_a_message_is_a_release(ada: Client, bob: Client) -> None:
    repo = f"{ada.name}/released"
    base = f"/models/{repo}/releases"
    ada.python(f"""
        from huggingface_hub import HfApi
        api, repo = HfApi(), "{repo}"
        api.create_repo(repo)
        api.upload_file(path_or_fileobj=b"one", path_in_repo="f.txt", repo_id=repo)
        api.create_tag(repo, tag="v1", tag_message="The *first* one")
        api.create_tag(repo, tag="bare")
    """)
    listed = ask(ada, base)
    assert listed["count"] == 1
    first = ask(ada, f"{base}/v1")
    assert (first["notes"], first["author"], first["number"]) == ("The *first* one", ada.name, 1)
    # A review of it outlives it, and what our API releases can be downloaded by its tag.
    review = ask(bob, f"/models/{repo}/reviews", {"release": "v1", "stars": 5, "text": "Good."}, "POST")
    ask(ada, base, {"tag": "v2/rc", "revision": "v1", "notes": "The same."}, "POST")
    told = ada.python(f"""
        import json
        from huggingface_hub import HfApi, hf_hub_download
        api, repo = HfApi(), "{repo}"
        text = open(hf_hub_download(repo, "f.txt", revision="v2/rc")).read()
        api.delete_tag(repo, tag="v1")
        print(json.dumps([text, sorted(tag.name for tag in api.list_repo_refs(repo).tags)]))
    """)
    assert told == ["one", ["bare", "v2/rc"]]
    assert ask(ada, base)["count"] == 1
    kept = ask(bob, f"/models/{repo}/reviews/{review['id']}")
    assert (kept["release"], kept["commit"]) == ("v1", first["commit"])
