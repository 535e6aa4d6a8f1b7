"""Uploads what `python -m workers.samples` made, as anybody would: `python -m workers.samples.upload FOLDER OWNER`.

HF_ENDPOINT and HF_TOKEN name the hub and who uploads.
"""

import sys
from pathlib import Path

from huggingface_hub import HfApi

EARLY = ".early"


def main(folder: Path, owner: str) -> None:
    """Make a repository of each folder; an early checkpoint comes first, and each of the two becomes a release."""
    api = HfApi()
    for source in sorted(path for path in folder.iterdir() if path.suffix != EARLY):
        repo = f"{owner}/{source.name}"
        kind = "dataset" if (source / "data").is_dir() else "model"
        print(f"uploading {kind} {repo}", flush=True)
        api.create_repo(repo, repo_type=kind, exist_ok=True)
        early = source.with_name(source.name + EARLY)
        if early.exists():
            api.upload_folder(repo_id=repo, folder_path=early, commit_message="The first checkpoint")
            notes = "The checkpoint after a quarter of the training. Kept to compare with."
            api.create_tag(repo, tag="v0.1", tag_message=notes)
        done = api.upload_folder(
            repo_id=repo, repo_type=kind, folder_path=source, commit_message="Upload what was made"
        )
        if early.exists():
            notes = (
                "Trained to the end.\n\n- Four times the steps of v0.1\n- The same tokenizer, so the two compare fairly"
            )
            api.create_tag(repo, tag="v0.2", tag_message=notes, revision=done.oid)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
