"""What a model can be asked, told from its files alone: nothing is loaded, and nothing of it runs here.

What a commit offers never changes, so it is remembered.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from django.core.cache import cache

from hub.core.text import UNSTORABLE
from hub.repos import cards
from hub.repos.git.files import FileEntry, list_folder, read_file
from hub.repos.models import GitCommit, Kind, Repository
from workers.contracts import CAUSAL_ENDINGS, WEIGHTS, WEIGHTS_INDEX, Task

# Raise it when the same files give another offer.
VERSION = 1
REMEMBERED_SECONDS = 24 * 3600
MAX_JSON = 4 * 1024 * 1024  # bytes of a configuration that is read
MAX_EXAMPLES = 8
MAX_EXAMPLE = 2000  # characters
CONFIG, TOKENIZER_CONFIG, TEMPLATE = "config.json", "tokenizer_config.json", "chat_template.jinja"

# End of an architecture's name -> what it is asked.
_ARCHITECTURES = (
    *((end, Task.TEXT_GENERATION) for end in CAUSAL_ENDINGS),
    ("ForSequenceClassification", Task.TEXT_CLASSIFICATION),
    ("ForMaskedLM", Task.FILL_MASK),
)
# Stated task -> what it is asked.
TAGS = {
    "text-generation": Task.TEXT_GENERATION,
    "conversational": Task.TEXT_GENERATION,
    "text-classification": Task.TEXT_CLASSIFICATION,
    "sentiment-analysis": Task.TEXT_CLASSIFICATION,
    "fill-mask": Task.FILL_MASK,
}
_OTHER_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".gguf", ".onnx", ".pkl", ".safetensors")


@dataclass(frozen=True)
class Offer:
    """What one commit of a model can be asked.

    tasks: the likeliest first; empty where workers can do nothing with it. stated: what its card calls its task.
    weights: bytes of the safetensors files that they would load, 0 where there are none; other_weights: it has some in
    another format. adapter: it has no model of its own. remote_code: its configuration names code of its own. context: the
    longest input in tokens, where the configuration says it. mask: the sign that stands for a missing word. examples: texts
    that its card proposes.
    """

    commit: str
    tasks: tuple[Task, ...] = ()
    stated: str = ""
    architecture: str = ""
    weights: int = 0
    other_weights: bool = False
    adapter: bool = False
    remote_code: bool = False
    context: int | None = None
    mask: str = ""
    examples: tuple[str, ...] = ()

    @property
    def chats(self) -> bool:
        return Task.CHAT in self.tasks

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Offer":
        tasks = tuple(Task(task) for task in given["tasks"])
        return cls(**{**given, "tasks": tasks, "examples": tuple(given["examples"])})


def offer_of(repo: Repository, commit: GitCommit) -> Offer:
    """Return what the model offers at a commit. Costs one look into the cache, or a few queries the first time."""
    # The name of the store, not of the repository: content is what counts, and a renamed model stays the same.
    key = f"offer:{VERSION}:{repo.store_id}:{commit.oid}"
    known = cache.get(key)
    if known is not None:
        return Offer.from_json(known)
    found = read_offer(repo, commit)
    cache.set(key, asdict(found), REMEMBERED_SECONDS)
    return found


def task_of_tags(task: str, architectures: list[str]) -> Task | None:
    """Return what a model is asked first, by its stated task and its architectures; None for nothing that demos do."""
    for architecture in architectures:
        for end, found in _ARCHITECTURES:
            if architecture.endswith(end):
                return found
    return TAGS.get(task)


def read_offer(repo: Repository, commit: GitCommit) -> Offer:
    """Read the files of the root folder. Never fails on what they hold."""
    if repo.kind != Kind.MODEL:
        return Offer(commit.oid)
    files = {file.path: file for file in list_folder(repo, commit) if not file.is_folder}
    card = cards.parse(_text(repo, files.get(cards.CARD_FILE), cards.MAX_CARD_FILE))
    config = _object(repo, files.get(CONFIG))
    architectures = [name for name in _list(config.get("architectures")) if isinstance(name, str)]
    first = task_of_tags(card.task, architectures) if CONFIG in files else None
    tasks: list[Task] = [first] if first else []
    tokenizer = _object(repo, files.get(TOKENIZER_CONFIG))
    if first == Task.TEXT_GENERATION and (TEMPLATE in files or tokenizer.get("chat_template")):
        # A model that was taught to talk is talked to first.
        tasks.insert(0, Task.CHAT)
    return Offer(
        commit=commit.oid,
        tasks=tuple(tasks),
        stated=_storable(card.task),
        architecture=_storable(architectures[0]) if architectures else "",
        weights=_weights(repo, files),
        other_weights=any(path.endswith(_OTHER_WEIGHTS) for path in files),
        adapter=CONFIG not in files and "adapter_config.json" in files,
        remote_code="auto_map" in config,
        context=_context(config),
        mask=_mask(tokenizer) if first == Task.FILL_MASK else "",
        examples=_examples(card),
    )


def _weights(repo: Repository, files: dict[str, FileEntry]) -> int:
    """Return the bytes of what workers load: the one file, or the shards that its index names."""
    if WEIGHTS in files:
        return files[WEIGHTS].size
    names = _object(repo, files.get(WEIGHTS_INDEX)).get("weight_map")
    shards = {name for name in names.values() if isinstance(name, str)} if isinstance(names, dict) else set()
    return sum(files[name].size for name in shards if name in files and name.endswith(".safetensors"))


def _mask(tokenizer: dict[str, Any]) -> str:
    """Return the mask token, which is written as a text or as an object with the text in it."""
    given = tokenizer.get("mask_token")
    text = given.get("content") if isinstance(given, dict) else given
    return _storable(text) if isinstance(text, str) else "[MASK]"


def _context(config: dict[str, Any]) -> int | None:
    inner = config.get("text_config")
    for source in (config, inner if isinstance(inner, dict) else {}):
        for name in ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"):
            value = source.get(name)
            if type(value) is int and 0 < value < 2**31:
                return value
    return None


def _examples(card: cards.Card) -> tuple[str, ...]:
    """Return the texts of the card's `widget`: `[{text: ...}]`, or `[{messages: [{role, content}]}]`, whose last one asks."""
    texts = []
    for entry in _list(card.metadata.get("widget")):
        given = entry if isinstance(entry, dict) else {"text": entry}
        messages = _list(given.get("messages"))
        last = messages[-1] if messages and isinstance(messages[-1], dict) else {}
        text = given.get("text") or last.get("content")
        if isinstance(text, str) and 0 < len(text.strip()) <= MAX_EXAMPLE:
            texts.append(UNSTORABLE.sub("", text.strip()))
    return tuple(dict.fromkeys(texts))[:MAX_EXAMPLES]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _storable(text: str) -> str:
    return UNSTORABLE.sub("", text)[:100]


def _text(repo: Repository, file: FileEntry | None, limit: int) -> str:
    if file is None or file.sha256 is not None or file.size > limit:
        return ""
    return read_file(repo, file).decode("utf-8", "replace")


def _object(repo: Repository, file: FileEntry | None) -> dict[str, Any]:
    try:
        value = json.loads(_text(repo, file, MAX_JSON) or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
