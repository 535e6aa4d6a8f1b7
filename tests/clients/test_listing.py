"""Lists as the client asks for them: every parameter that it has, and pages that it follows by itself."""

import httpx2 as httpx

from tests.clients.conftest import Client
from tests.waiting import wait_until

MADE = """
import json, struct
from huggingface_hub import CommitOperationAdd, HfApi
api = HfApi()
def make(name, card, kind="model", **files):
    api.create_repo("{owner}/" + name, repo_type=kind, space_sdk="static" if kind == "space" else None)
    files = {{"README.md": ("---\\n" + card + "\\n---\\n# " + name).encode(), **files}}
    api.create_commit("{owner}/" + name, repo_type=kind, commit_message="Put files",
        operations=[CommitOperationAdd(path, content) for path, content in files.items()])
header = json.dumps({{"a": {{"dtype": "F32", "shape": [10], "data_offsets": [0, 40]}}}}).encode()
shard = struct.pack("<Q", len(header)) + header + bytes(40)
weights = {{"a": "model-1.safetensors", "b": "model-2.safetensors"}}
index = json.dumps({{"metadata": {{"total_size": 80}}, "weight_map": weights}})
make("root", "license: mit\\nlibrary_name: transformers\\npipeline_tag: text-generation\\nlanguage: zh", **{{
    "model.safetensors.index.json": index.encode(), "model-1.safetensors": shard,
    "model-2.safetensors": shard.replace(b'"a"', b'"b"'),
}})
make("leaf", "base_model: {owner}/root\\nbase_model_relation: adapter\\ndatasets: [{owner}/prose]")
make("prose", "task_categories: [text-generation]\\nsize_categories: n<1K\\nlanguage_creators: [found]", "dataset")
make("show", "models: [{owner}/root]\\nsdk: static", "space")
"""

ASKED = """
import json
from huggingface_hub import HfApi, InferenceClient
api, owner = HfApi(), "{owner}"
def ids(found):
    return sorted(item.id.partition("/")[2] for item in found)
told = {{
    "author": ids(api.list_models(author=owner)),
    "pages": ids(api.list_models(author=owner, limit=1)) != [] and len(list(api.list_models(author=owner, full=True))),
    "tags": ids(api.list_models(author=owner, filter=["license:mit", "zh"])),
    "relation": ids(api.list_models(filter=f"base_model:adapter:{{owner}}/root")),
    "trained": ids(api.list_models(trained_dataset=f"{{owner}}/prose")),
    "task": ids(api.list_models(author=owner, pipeline_tag="text-generation", num_parameters="min:5,max:1K")),
    "gated": ids(api.list_models(author=owner, gated=True)),
    "open": ids(api.list_models(author=owner, gated=False, apps=["vllm"])),
    "warm": ids(api.list_models(author=owner, inference="warm", inference_provider="all")),
    "sorted": [ids([item]) for item in api.list_models(author=owner, sort="created_at")],
    "datasets": ids(api.list_datasets(author=owner, task_categories="text-generation", size_categories="n<1K",
        language_creators="found", dataset_name="prose", search="prose", gated=False, sort="last_modified")),
    "none": ids(api.list_datasets(author=owner, benchmark=True)),
    "spaces": ids(api.list_spaces(models=f"{{owner}}/root", linked=True, full=True)),
    "shards": sorted(api.get_safetensors_metadata(f"{{owner}}/root").files_metadata),
}}
one = next(iter(api.list_models(search="root", author=owner, expand=["childrenModelCount", "spaces", "tags"])))
told["family"] = [one.children_model_count, one.spaces]
told["tags_by_type"] = "license:mit" in [tag["id"] for tag in api.get_model_tags()["license"]]
told["moved"] = len(list(api.list_models(author=owner, sort="downloads", limit=3)))
print(json.dumps(told))
"""


def test_every_parameter_of_the_lists(ada: Client) -> None:
    ada.python(MADE.format(owner=ada.name))

    def listed() -> bool:
        root = httpx.get(f"{ada.hub.url}/api/models/{ada.name}/root?expand=childrenModelCount").json()
        spaces = httpx.get(f"{ada.hub.url}/api/spaces?models={ada.name}/root").json()
        return root["childrenModelCount"] == 1 and len(spaces) == 1

    wait_until(listed)
    assert ada.python(ASKED.format(owner=ada.name)) == {
        "author": ["leaf", "root"],
        "pages": 2,
        "tags": ["root"],
        "relation": ["leaf"],
        "trained": ["leaf"],
        "task": ["root"],
        "gated": [],
        "open": ["root"],
        "warm": [],
        "sorted": [["leaf"], ["root"]],
        "datasets": ["prose"],
        "none": [],
        "spaces": ["show"],
        "shards": ["model-1.safetensors", "model-2.safetensors"],
        "family": [1, [f"{ada.name}/show"]],
        "tags_by_type": True,
        "moved": 2,
    }
