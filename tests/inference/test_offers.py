"""What the files of a model say that it can be asked."""

import json
from typing import Any

import pytest

from hub.core.errors import HubError
from hub.inference.offers import Offer, offer_of, read_offer
from hub.inference.services import check_offer
from hub.repos.models import Kind
from tests.factories import make_repo
from tests.inference.conftest import FILES, TEMPLATE, head, make_model
from tests.web.repos import commit_files
from workers.contracts import Task

pytestmark = pytest.mark.django_db
WEIGHTS = {"model.safetensors": b"\0" * 400}


def offer(files: dict[str, Any]) -> Offer:
    repo = make_model({path: json.dumps(x) if isinstance(x, dict) else x for path, x in files.items()})
    return read_offer(repo, head(repo))


@pytest.mark.parametrize(
    ("architecture", "tag", "tasks"),
    [
        ("LlamaForCausalLM", "", (Task.TEXT_GENERATION,)),
        ("GPT2LMHeadModel", "", (Task.TEXT_GENERATION,)),
        ("BertForSequenceClassification", "", (Task.TEXT_CLASSIFICATION,)),
        ("BertForMaskedLM", "", (Task.FILL_MASK,)),
        # What it is decides, not what somebody calls it.
        ("BertForMaskedLM", "text-generation", (Task.FILL_MASK,)),
        ("OwnThing", "text-generation", (Task.TEXT_GENERATION,)),
        ("OwnThing", "", ()),
        ("ViTForImageClassification", "image-classification", ()),
    ],
)
def test_tasks_by_architecture_and_card(architecture: str, tag: str, tasks: tuple[Task, ...]) -> None:
    card = f"---\npipeline_tag: {tag}\n---\n" if tag else "# A model\n"
    found = offer({"config.json": {"architectures": [architecture]}, "README.md": card, **WEIGHTS})
    assert found.tasks == tasks
    assert found.weights == 400
    assert found.architecture == architecture


@pytest.mark.parametrize(
    "template",
    [{"tokenizer_config.json": TEMPLATE}, {"chat_template.jinja": "{{ messages }}", "tokenizer_config.json": {}}],
)
def test_a_template_makes_a_chat(template: dict[str, Any]) -> None:
    found = offer({"config.json": {"architectures": ["LlamaForCausalLM"], "n_positions": 64}, **template, **WEIGHTS})
    assert found.tasks == (Task.CHAT, Task.TEXT_GENERATION)
    assert found.context == 64


def test_shards_are_counted_together_and_others_not_at_all() -> None:
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "../../etc/passwd"}}
    found = offer(
        {
            "config.json": {"architectures": ["LlamaForCausalLM"]},
            "model.safetensors.index.json": index,
            "model-1.safetensors": b"\0" * 100,
            "model-2.safetensors": b"\0" * 50,
            "other.safetensors": b"\0" * 1000,
        }
    )
    assert found.weights == 150


def test_examples_come_from_the_card() -> None:
    card = """---
widget:
- text: Once upon a time
- messages:
  - {role: user, content: "How are you?"}
- text: Once upon a time
- text: 7
- plain words
---
"""
    found = offer({"config.json": {"architectures": ["LlamaForCausalLM"]}, "README.md": card, **WEIGHTS})
    assert found.examples == ("Once upon a time", "How are you?", "plain words")


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        (
            {"config.json": {"architectures": ["LlamaForCausalLM"]}, "pytorch_model.bin": b"x"},
            "no-safetensors",
            "safetensors",
        ),
        ({"config.json": {"architectures": ["LlamaForCausalLM"]}}, "TaskNotOffered", "no weights yet"),
        ({"config.json": {"architectures": ["OwnThing"], "auto_map": {"AutoModel": "x.Y"}}}, "remote-code", "code"),
        ({"config.json": {"architectures": ["ViTForImageClassification"]}}, "TaskNotOffered", "ViTForImage"),
        ({"adapter_config.json": {}, "adapter_model.safetensors": b"x"}, "TaskNotOffered", "adapter"),
        ({"weights.bin": b"x"}, "TaskNotOffered", "Nothing says"),
        ({"config.json": "[1, 2"}, "TaskNotOffered", "Nothing says"),
        (
            {"config.json": {"architectures": 7, "n_positions": "x", "text_config": []}},
            "TaskNotOffered",
            "Nothing says",
        ),
    ],
)
def test_what_cannot_run_says_why(files: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(HubError) as refused:
        check_offer(offer(files))
    assert (refused.value.code, refused.value.status) == (code, 422)
    assert said in refused.value.message


def test_a_task_that_the_model_does_not_do() -> None:
    found = offer({"config.json": {"architectures": ["BertForMaskedLM"]}, **WEIGHTS})
    with pytest.raises(HubError, match="fill-mask") as refused:
        check_offer(found, Task.TEXT_GENERATION)
    assert refused.value.code == "TaskNotOffered"
    plain = offer({"config.json": {"architectures": ["LlamaForCausalLM"]}, **WEIGHTS})
    with pytest.raises(HubError) as refused:
        check_offer(plain, Task.CHAT)
    assert refused.value.code == "no-chat-template"


def test_each_commit_has_its_own_offer_and_keeps_it() -> None:
    repo = make_model(FILES)
    before = head(repo)
    assert offer_of(repo, before).tasks == (Task.TEXT_GENERATION,)
    commit_files(repo, {"tokenizer_config.json": json.dumps(TEMPLATE)})
    assert offer_of(repo, head(repo)).chats
    assert offer_of(repo, before) == read_offer(repo, before)
    assert not offer_of(repo, before).chats


def test_a_dataset_offers_nothing() -> None:
    repo = make_repo(kind=Kind.DATASET)
    assert read_offer(repo, head(repo)).tasks == ()
