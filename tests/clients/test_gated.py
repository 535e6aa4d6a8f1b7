"""The unmodified client library at a gate: what it raises for those outside, and that it works once they are let in."""

import pytest

from .conftest import Client

# What each way of asking for contents raises, or "got" where it works.
_TRIES = """
import json, os
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url, snapshot_download
from huggingface_hub.errors import GatedRepoError
repo, api = os.environ["REPO"], HfApi()
tries = {
    "small": lambda: hf_hub_download(repo, "config.json"),
    "large": lambda: hf_hub_download(repo, "model.safetensors"),
    "absent": lambda: hf_hub_download(repo, "absent.json"),
    "snapshot": lambda: snapshot_download(repo),
    "head": lambda: get_hf_file_metadata(hf_hub_url(repo, "config.json")),
    "auth": lambda: api.auth_check(repo),
}
def outcome(call):
    try:
        call()
    except Exception as error:
        return "gated" if isinstance(error, GatedRepoError) else type(error).__name__
    return "got"
found = {name: outcome(call) for name, call in tries.items()}
found["info"] = api.model_info(repo).gated
found["files"] = len(api.list_repo_files(repo))
print(json.dumps(found))
"""
_OUTSIDE = dict.fromkeys(["small", "large", "absent", "snapshot", "head", "auth"], "gated")
_INSIDE = dict.fromkeys(["small", "large", "snapshot", "head", "auth"], "got") | {"absent": "RemoteEntryNotFoundError"}


@pytest.mark.parametrize("xet", ["on", "off"])
def test_a_gated_model(ada: Client, bob: Client, xet: str) -> None:
    repo = f"{ada.name}/gated-{xet}"
    how = {"REPO": repo, "HF_HUB_DISABLE_XET": "" if xet == "on" else "1", "HF_HUB_DISABLE_IMPLICIT_TOKEN": ""}
    ada.python(
        """
        import os
        from huggingface_hub import HfApi
        api, repo = HfApi(), os.environ["REPO"]
        api.create_repo(repo)
        api.upload_file(repo_id=repo, path_or_fileobj=b"{}", path_in_repo="config.json")
        api.upload_file(repo_id=repo, path_or_fileobj=os.urandom(300_000), path_in_repo="model.safetensors")
        api.update_repo_settings(repo, gated="manual")
        """,
        **how,
    )
    facts = {"info": "manual", "files": 3}
    assert bob.python(_TRIES, **how, HF_TOKEN="") == _OUTSIDE | facts
    assert bob.python(_TRIES, **how) == _OUTSIDE | facts
    states = ada.python(
        f"""
        import json, os
        from huggingface_hub import HfApi
        api, repo = HfApi(), os.environ["REPO"]
        def state():
            lists = (api.list_pending_access_requests, api.list_accepted_access_requests, api.list_rejected_access_requests)
            return [[request.username for request in each(repo)] for each in lists]
        states = []
        api.grant_access(repo, "{bob.name}")
        states.append(state())
        api.reject_access_request(repo, "{bob.name}", rejection_reason="Not now")
        states.append(state())
        api.cancel_access_request(repo, "{bob.name}")
        states.append(state())
        waiting = next(iter(api.list_pending_access_requests(repo)))
        api.accept_access_request(repo, request_id=waiting.request_id)
        states.append(state())
        print(json.dumps(states))
        """,
        **how,
    )
    assert states == [[[], [bob.name], []], [[], [], [bob.name]], [[bob.name], [], []], [[], [bob.name], []]]
    assert bob.python(_TRIES, **how) == _INSIDE | facts
