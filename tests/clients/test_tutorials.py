"""Scripts as they stand in tutorials, run as they are: only HF_ENDPOINT tells them where the hub is.

The models and the data set that they name are tiny ones, stored under names of our own, which the old short names lead to.
"""

import json
from pathlib import Path

import pytest

from tests import live
from tests.clients.conftest import TOOLS, Client, make_client
from tests.workers.conftest import models  # noqa: F401 (a fixture)

SCRIPTS = Path(__file__).parent / "scripts"
UPLOAD = """
    import sys
    from huggingface_hub import HfApi
    api = HfApi()
    for name, kind, folder in (
        ("gpt2", "model", sys.argv[2] + "/gpt2"),
        ("bert-base-uncased", "model", sys.argv[2] + "/mask"),
        ("imdb", "dataset", "imdb"),
    ):
        repo = sys.argv[1] + "/" + name
        api.create_repo(repo, repo_type=kind)
        api.upload_folder(repo_id=repo, repo_type=kind, folder_path=folder)
"""


@pytest.fixture(scope="module")
def learner(live_hub: live.Instance, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Client:  # noqa: F811
    """Somebody with a token, on a hub whose administrator gave the models of tutorials their short names."""
    client = make_client(live_hub, tmp_path_factory.mktemp("learner"))
    (client.home / "imdb").mkdir()
    for split, size in (("train", 16), ("test", 8)):
        rows = [{"text": f"Film {n} was {'dull' if n % 2 else 'fine'}.", "label": 1 - n % 2} for n in range(size)]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (client.home / "imdb" / f"{split}.jsonl").write_text(lines)
    (client.home / "upload.py").write_text("\n".join(line[4:] for line in UPLOAD.splitlines()))
    client.run(str(TOOLS / "python"), "upload.py", client.name, str(models))
    short = {"gpt2": "model", "bert-base-uncased": "model", "imdb": "dataset"}
    live_hub.manage(
        "shell",
        "--no-imports",
        "--command",
        "from hub.repos.models import Repository, RepositoryAlias\n"
        f"for name, kind in {short!r}.items():\n"
        f"    repo = Repository.objects.get(namespace__name={client.name!r}, name=name, kind=kind)\n"
        "    RepositoryAlias.objects.create(kind=kind, full_name=name, repository=repo)\n",
    )
    return client


def run(client: Client, script: str, *args: str, **settings: str) -> str:
    return client.run(str(TOOLS / "python"), str(SCRIPTS / script), *args, **settings)


def test_text_is_generated(learner: Client) -> None:
    first, *_rest, last = run(learner, "generate.py", HF_TOKEN="").splitlines()
    assert first.startswith("Hello, I'm a language model,")
    assert last


@pytest.mark.full  # in the usual run, two others go the same way
def test_texts_are_classified(learner: Client) -> None:
    assert run(learner, "classify.py", HF_TOKEN="").startswith("torch.Size([2, 2])")


def test_a_model_is_fine_tuned_pushed_and_used(learner: Client) -> None:
    run(learner, "finetune.py")
    said = run(learner, "use.py", learner.name, HF_TOKEN="", HF_HOME=str(learner.home / "elsewhere"))
    assert "POSITIVE" in said or "NEGATIVE" in said
