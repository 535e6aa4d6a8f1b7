"""Two versions of a file to a hub and back with any `hf_xet`, by its own calls and by the library's: `xet.py NAME`."""

import importlib.metadata
import os
import random
import sys
from pathlib import Path

import hf_xet
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.utils import get_session

api = HfApi()
repo = api.create_repo(f"{api.whoami()['name']}/{sys.argv[1]}", private=True).repo_id
address = f"{os.environ['HF_ENDPOINT']}/api/models/{repo}/xet-write-token/main"
token = get_session().get(address, headers={"Authorization": f"Bearer {os.environ['HF_TOKEN']}"}).json()
opened = token["casUrl"], (token["accessToken"], token["exp"]), lambda: (token["accessToken"], token["exp"]), None

noise = random.Random(1)
half = b"".join(noise.randrange(0x3C00, 0x3D00).to_bytes(2, "little") for _ in range(200_000))
first = noise.randbytes(3_000_000)
second = first[:2_000_000] + b"changed" * 1000 + first[2_000_000:] + half
for number, content in enumerate((first, second)):
    sent, back = Path(f"sent{number}"), Path(f"back{number}")
    sent.write_bytes(content)
    [uploaded] = hf_xet.upload_files([str(sent)], *opened, "model")
    hf_xet.download_files([hf_xet.PyXetDownloadInfo(str(back), uploaded.hash, len(content))], *opened)
    assert back.read_bytes() == content
    # A commit names it, and whoever reads the repository gets it in the same way.
    commit = api.upload_file(path_or_fileobj=str(sent), path_in_repo="weights.bin", repo_id=repo)
    found = hf_hub_download(repo, "weights.bin", revision=commit.oid)
    assert Path(found).read_bytes() == content
print("all of it works with", importlib.metadata.version("hf_xet"))
