"""How a repository is used from each tool, as text to copy, at the address under which the visitor sees this hub."""

import shlex
from dataclasses import dataclass

from django.utils.translation import gettext as _

from hub.repos.cards import Card
from hub.repos.models import Kind, Repository
from hub.web.kinds import words_of

# What `transformers.pipeline` takes. Other tasks load the bare model.
PIPELINES = frozenset(
    """
    audio-classification automatic-speech-recognition depth-estimation document-question-answering feature-extraction
    fill-mask image-classification image-feature-extraction image-segmentation image-text-to-text image-to-image
    image-to-text keypoint-detection mask-generation object-detection question-answering summarization
    table-question-answering text-classification text-generation text-to-audio text-to-speech text2text-generation
    token-classification translation video-classification visual-question-answering zero-shot-classification
    zero-shot-image-classification zero-shot-object-detection
    """.split()
)
# The three dots are the token: whoever pastes this fills it in.
LOGIN = "hf auth login --token grove_..."
_CAUSAL = ("text-generation", "conversational")


@dataclass(frozen=True)
class Snippet:
    """One way of using it: the tool's name, what to paste, and what it is written in."""

    tool: str
    text: str
    language: str = "Python"


def ways_to_use(repo: Repository, card: Card, *, base_url: str, example_file: str, has_config: bool) -> list[Snippet]:
    """Return the ways that fit, the likeliest first. `example_file` is a path that plain HTTP fetches."""
    name = repo.full_name
    python = (
        _dataset(name, base_url)
        if repo.kind == Kind.DATASET
        else _library(card.library or ("transformers" if has_config else ""), card.task, name, base_url)
        if repo.kind == Kind.MODEL
        else []
    )
    kind = words_of(repo.kind).option
    named = f', repo_type="{repo.kind}"' if kind else ""
    login = f"{LOGIN}\n" if repo.private else ""
    authorized = ' -H "Authorization: Bearer $HF_TOKEN"' if repo.private else ""
    address = f"{base_url}{repo.get_absolute_url()}/resolve/main/{example_file}"
    return [
        *python,
        Snippet("hf", f"export HF_ENDPOINT={base_url}\n{login}hf download {name}{kind}", "Shell"),
        Snippet("huggingface_hub", _with_endpoint(base_url, _snapshot(f'"{name}"{named}'))),
        Snippet("git", f"git lfs install\ngit clone {base_url}{repo.get_absolute_url()}", "Shell"),
        Snippet("curl", f"curl -L{authorized} -O {address}", "Shell"),
    ]


def first_upload(repo: Repository, base_url: str) -> str:
    """Return the commands that fill an empty repository from a folder."""
    kind = words_of(repo.kind).option
    return f"pip install -U huggingface_hub\nexport HF_ENDPOINT={base_url}\n{LOGIN}\nhf upload {repo.full_name} .{kind}"


def download_release(repo: Repository, tag: str, base_url: str) -> str:
    """Return the command that downloads a release. A tag may hold signs that shells read otherwise."""
    kind = words_of(repo.kind).option
    return f"HF_ENDPOINT={base_url} hf download {repo.full_name}{kind} --revision {shlex.quote(tag)}"


def _with_endpoint(base_url: str, code: str) -> str:
    """Put the endpoint first: the library reads it once, when it is imported."""
    return f'import os\n\nos.environ["HF_ENDPOINT"] = "{base_url}"  # {_("before the imports below")}\n\n{code}'


def _snapshot(arguments: str) -> str:
    return f"from huggingface_hub import snapshot_download\n\nfolder = snapshot_download({arguments})"


def _dataset(name: str, base_url: str) -> list[Snippet]:
    code = f'from datasets import load_dataset\n\ndata = load_dataset("{name}")'
    return [Snippet("datasets", _with_endpoint(base_url, code))]


def _library(library: str, task: str, name: str, base_url: str) -> list[Snippet]:
    match library:
        case "transformers" if task in PIPELINES:
            code = f'from transformers import pipeline\n\npipe = pipeline("{task}", model="{name}")'
        case "transformers":
            auto = "AutoModelForCausalLM" if task in _CAUSAL else "AutoModel"
            code = (
                f"from transformers import {auto}, AutoTokenizer\n\n"
                f'tokenizer = AutoTokenizer.from_pretrained("{name}")\nmodel = {auto}.from_pretrained("{name}")'
            )
        case "sentence-transformers":
            code = f'from sentence_transformers import SentenceTransformer\n\nmodel = SentenceTransformer("{name}")'
        case "diffusers":
            code = f'from diffusers import DiffusionPipeline\n\npipe = DiffusionPipeline.from_pretrained("{name}")'
        case "peft":
            code = f'from peft import AutoPeftModel\n\nmodel = AutoPeftModel.from_pretrained("{name}")'
        case "timm":
            code = f'import timm\n\nmodel = timm.create_model("hf-hub:{name}", pretrained=True)'
        case "setfit":
            code = f'from setfit import SetFitModel\n\nmodel = SetFitModel.from_pretrained("{name}")'
        case _:
            return []
    return [Snippet(library, _with_endpoint(base_url, code))]
