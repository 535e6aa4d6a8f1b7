"""datasets: a dataset repository of plain files, and one pushed from memory."""

from tests.clients.conftest import Client

_FILES = """
    import json
    from datasets import load_dataset
    from huggingface_hub import HfApi
    api, repo = HfApi(), "{name}/plants"
    api.create_repo(repo, repo_type="dataset", private=True)
    for split, rows in (("train", ["蕨,1", "oak,2"]), ("test", ["moss,3"])):
        api.upload_file(path_or_fileobj="name,size\\n".encode() + "\\n".join(rows).encode(), repo_type="dataset",
                        path_in_repo=f"data/{{split}}.csv", repo_id=repo)
    data = load_dataset(repo)
    streamed = list(load_dataset(repo, split="train", streaming=True))
    print(json.dumps([{{split: list(rows) for split, rows in data.items()}}, streamed]))
"""
_PUSH = """
    import json
    from datasets import Dataset, load_dataset
    from huggingface_hub import HfApi
    repo = "{name}/pushed"
    Dataset.from_dict({{"text": [f"line {{n}} 行" for n in range(1000)], "n": list(range(1000))}}).push_to_hub(repo)
    Dataset.from_dict({{"text": ["more"], "n": [5]}}).push_to_hub(repo, split="test")
    back = load_dataset(repo)
    files = HfApi().list_repo_files(repo, repo_type="dataset")
    print(json.dumps([{{split: len(rows) for split, rows in back.items()}}, back["train"][999], sorted(files)]))
"""


def test_files_are_loaded(ada: Client) -> None:
    loaded, streamed = ada.python(_FILES.format(name=ada.name))
    train = [{"name": "蕨", "size": 1}, {"name": "oak", "size": 2}]
    assert loaded == {"train": train, "test": [{"name": "moss", "size": 3}]}
    assert streamed == train


def test_dataset_is_pushed_and_loaded(ada: Client) -> None:
    sizes, last, files = ada.python(_PUSH.format(name=ada.name))
    assert sizes == {"train": 1000, "test": 1}
    assert last == {"text": "line 999 行", "n": 999}
    assert files == [
        ".gitattributes",
        "README.md",
        "data/test-00000-of-00001.parquet",
        "data/train-00000-of-00001.parquet",
    ]
