"""Reviews of verified use, by what the real tools fetch."""

import pytest

from tests import live
from tests.clients.conftest import Client, make_client
from tests.clients.git import Git

_REVIEW = """
    import json, os
    from huggingface_hub import get_session
    address = os.environ["HF_ENDPOINT"] + "/api/v1/models/{repo}/reviews"
    headers = {{"Authorization": "Bearer " + os.environ["HF_TOKEN"]}}
    made = get_session().post(address, json={{"stars": 4}}, headers=headers)
    print(json.dumps(made.status_code))
"""


def test_downloads_and_clones_verify_reviews_and_a_look_does_not(
    ada: Client, bob: Client, live_hub: live.Instance, tmp_path_factory: pytest.TempPathFactory
) -> None:
    people = {name: make_client(live_hub, tmp_path_factory.mktemp(name)) for name in ("cloner", "looker")}
    repo = f"{ada.name}/used"
    ada.python(f"""
        from huggingface_hub import HfApi
        HfApi().create_repo("{repo}")
        HfApi().upload_file(path_or_fileobj=b"{{}}", path_in_repo="config.json", repo_id="{repo}")
        HfApi().upload_file(path_or_fileobj=bytes(range(256)) * 4000, path_in_repo="model.safetensors", repo_id="{repo}")
    """)
    bob.python(f"""
        from huggingface_hub import snapshot_download
        snapshot_download("{repo}")
    """)
    # Of what is public, git says who it is only when it is told to.
    cloner = people["cloner"]
    header = f"http.extraHeader=Authorization: Bearer {cloner.token}"
    Git(cloner)("-c", header, "clone", "-q", f"{live_hub.url}/{repo}", "there", GIT_LFS_SKIP_SMUDGE="1")
    people["looker"].python(f"""
        from huggingface_hub import HfApi, hf_hub_download
        hf_hub_download("{repo}", "config.json")
        HfApi().model_info("{repo}", files_metadata=True)
    """)
    for who in (bob, *people.values()):
        assert who.python(_REVIEW.format(repo=repo)) == 201
    live_hub.manage("shell", "-c", "from hub.catalog.services import drain_uses; drain_uses()")
    told = bob.python(f"""
        import json, os
        from huggingface_hub import get_session
        answer = get_session().get(os.environ["HF_ENDPOINT"] + "/api/v1/models/{repo}/reviews")
        print(json.dumps({{each["author"]: each["verified"] for each in answer.json()["items"]}}))
    """)
    assert told == {bob.name: True, cloner.name: True, people["looker"].name: False}
