"""Spaces, copies and short names as the client library meets them."""

from tests.clients.conftest import Client


def test_spaces_copies_and_short_names(ada: Client, bob: Client) -> None:
    repo, short = f"{ada.name}/tiny", f"tiny-{ada.name}"
    made = ada.python(f"""
        import json
        from huggingface_hub import HfApi
        api = HfApi()
        secrets = [{{"key": "A", "value": "b"}}]
        space = api.create_repo("{ada.name}/chat", repo_type="space", space_sdk="static", space_secrets=secrets)
        api.upload_file(path_or_fileobj=b"<h1>Hi</h1>", path_in_repo="index.html", repo_id="{ada.name}/chat", repo_type="space")
        info = api.space_info("{ada.name}/chat")
        stage = api.get_space_runtime("{ada.name}/chat").stage
        api.create_repo("{ada.name}/kernel", repo_type="kernel")
        kernel = api.repo_info("{ada.name}/kernel", repo_type="kernel").id
        api.create_repo("{repo}")
        api.upload_file(path_or_fileobj=b"0123456789" * 10_000, path_in_repo="model.bin", repo_id="{repo}")
        api.upload_file(path_or_fileobj=b"{{}}", path_in_repo="config.json", repo_id="{repo}")
        try:
            api.update_repo_settings("{ada.name}/chat", visibility="protected", repo_type="space")
        except Exception as error:
            refused = str(error)
        print(json.dumps([space.repo_type, info.sdk, stage, info.runtime, kernel, refused]))
    """)
    assert made[:5] == ["space", "static", "STOPPED", None, f"{ada.name}/kernel"]
    assert "no protected repositories" in made[5]
    ada.hub.manage("short_name", short, repo)
    told = bob.python(f"""
        import json
        from huggingface_hub import HfApi, duplicate_repo, hf_hub_download, snapshot_download
        api = HfApi()
        copy = duplicate_repo("{repo}")
        again = duplicate_repo("{repo}", to_id="{bob.name}/tiny", exist_ok=True)
        space = duplicate_repo("{ada.name}/chat", repo_type="space", private=True)
        api.move_repo("{bob.name}/tiny", "{bob.name}/small")
        content = open(hf_hub_download("{bob.name}/tiny", "model.bin"), "rb").read()
        by_short = open(hf_hub_download("{short}", "config.json")).read()
        folder = snapshot_download("{short}")
        print(json.dumps([
            copy.repo_id, copy.files_copy_pending, again.repo_id, space.repo_id,
            api.space_info(space.repo_id).private, len(content), by_short,
            api.model_info("{short}").id, open(folder + "/model.bin", "rb").read() == content,
            api.model_info("{bob.name}/small").card_data["duplicated_from"],
        ]))
    """)
    small = f"{bob.name}/tiny"
    assert told == [small, False, small, f"{bob.name}/chat", True, 100_000, "{}", repo, True, repo]
    cloned = bob.run("git", "clone", "-q", f"{bob.hub.url}/{short}", "cloned", GIT_LFS_SKIP_SMUDGE="1")
    assert cloned == ""
    assert (bob.home / "cloned" / "config.json").read_text() == "{}"
