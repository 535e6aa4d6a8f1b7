"""What a repository's files say where its card is silent: library, task, architecture, formats, number of weights."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hub.catalog.weights import count_weights
from hub.core.text import UNSTORABLE
from hub.repos import cards
from hub.repos.cards import CARD_FILE, MAX_CARD_FILE, MAX_WORD, Card
from hub.repos.git.objects import read_objects
from hub.repos.models import Blob, GitPath, Kind, Repository
from workers.contracts import WEIGHTS, WEIGHTS_INDEX

MAX_PATHS = 50_000  # files that are looked at
MAX_CONFIG = 1024 * 1024  # bytes of a configuration that is read
MAX_INDEX = 16 * 1024 * 1024  # bytes of the list of shards

_CONFIGS = ("config.json", "adapter_config.json", "model_index.json")

# The file that only one library writes -> that library; the first that is there decides.
_MARKS = (
    ("adapter_config.json", "peft"),
    ("model_index.json", "diffusers"),
    ("config_sentence_transformers.json", "sentence-transformers"),
    ("modules.json", "sentence-transformers"),
    ("open_clip_config.json", "open_clip"),
    ("meta.json", "spacy"),
    ("config.cfg", "spacy"),
    ("speechbrain.yaml", "speechbrain"),
    ("hyperparams.yaml", "speechbrain"),
    ("mlc-chat-config.json", "mlc-llm"),
    ("sklearn.pkl", "sklearn"),
    ("fastai.pkl", "fastai"),
)
# End of a file name -> format, as lists tag it.
_MODEL_FORMATS = {
    ".safetensors": "safetensors",
    ".gguf": "gguf",
    ".onnx": "onnx",
    ".keras": "keras",
    ".tflite": "tflite",
    ".mlmodel": "coreml",
    ".msgpack": "jax",
    "pytorch_model.bin": "pytorch",
    ".pt": "pytorch",
    ".pth": "pytorch",
    "tf_model.h5": "tf",
    "openvino_model.xml": "openvino",
    ".joblib": "joblib",
}
_DATASET_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".json.gz": "json",
    ".jsonl.gz": "json",
    ".jsonl.zst": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".txt": "text",
    ".tar": "webdataset",
    ".jpg": "imagefolder",
    ".jpeg": "imagefolder",
    ".png": "imagefolder",
    ".webp": "imagefolder",
    ".wav": "audiofolder",
    ".mp3": "audiofolder",
    ".flac": "audiofolder",
}
# End of an architecture's name -> (transformers' auto class, task).
_ARCHITECTURES = (
    ("ForCausalLM", "AutoModelForCausalLM", "text-generation"),
    ("LMHeadModel", "AutoModelForCausalLM", "text-generation"),
    ("ForMaskedLM", "AutoModelForMaskedLM", "fill-mask"),
    ("ForSequenceClassification", "AutoModelForSequenceClassification", "text-classification"),
    ("ForTokenClassification", "AutoModelForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "AutoModelForQuestionAnswering", "question-answering"),
    ("ForMultipleChoice", "AutoModelForMultipleChoice", "multiple-choice"),
    ("ForImageClassification", "AutoModelForImageClassification", "image-classification"),
    ("ForObjectDetection", "AutoModelForObjectDetection", "object-detection"),
    ("ForSemanticSegmentation", "AutoModelForSemanticSegmentation", "image-segmentation"),
    ("ForUniversalSegmentation", "AutoModelForUniversalSegmentation", "image-segmentation"),
    ("ForDepthEstimation", "AutoModelForDepthEstimation", "depth-estimation"),
    ("ForVideoClassification", "AutoModelForVideoClassification", "video-classification"),
    ("ForAudioClassification", "AutoModelForAudioClassification", "audio-classification"),
    ("ForSpeechSeq2Seq", "AutoModelForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("ForCTC", "AutoModelForCTC", "automatic-speech-recognition"),
    ("ForConditionalGeneration", "AutoModelForSeq2SeqLM", "text2text-generation"),
    ("Model", "AutoModel", "feature-extraction"),
)
# Model types whose `...ForConditionalGeneration` takes something else than text.
_SPEECH_TYPES = frozenset({"whisper", "speech_to_text", "moonshine"})
_TEXT_TO_TEXT_TYPES = frozenset(
    "bart bigbird_pegasus blenderbot blenderbot-small fsmt led longt5 m2m_100 marian mbart mt5 mvp nllb-moe pegasus "
    "pegasus_x plbart prophetnet switch_transformers t5 t5gemma umt5 xlm-prophetnet".split()
)


# Format or library -> programs on one's own machine that open it. The names are those of the client protocol.
APPS = {
    "gguf": ("llama.cpp", "ollama", "lmstudio", "jan"),
    "mlx": ("mlx-lm", "lmstudio"),
    "diffusers": ("diffusers",),
    "transformers": ("vllm", "sglang"),
}
# What servers of transformers models serve.
_SERVED_TASKS = ("text-generation", "image-text-to-text")
_PAPER = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})(?!\d)", re.ASCII)
MAX_PAPERS = 20


@dataclass
class Facts:
    """What `read_facts` found. `config` holds only values of the types that its readers expect.

    relation: how a model comes from the base models that its card or its files name, "" where they name none. papers: the
    arXiv numbers that the card links to.
    """

    card: Card = field(default_factory=Card)
    task: str = ""
    library: str = ""
    relation: str = ""
    papers: list[str] = field(default_factory=list)
    apps: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    dtypes: dict[str, int] | None = None
    used_bytes: int = 0


def read_facts(repo: Repository) -> Facts:
    """Read the listing of `main`, the card, the configuration and the headers of the weights. Never fails on content."""
    files = {p.path: p for p in GitPath.objects.filter(repository=repo).order_by("path")[:MAX_PATHS]}
    texts = _read_texts(repo, files)
    facts = Facts(used_bytes=sum(file.size for file in files.values()))
    facts.card = cards.parse(texts.get(CARD_FILE, b"").decode(errors="replace"))
    facts.task, facts.library = facts.card.task.lower()[:MAX_WORD], facts.card.library
    facts.papers = list(dict.fromkeys(_PAPER.findall(facts.card.body)))[:MAX_PAPERS]
    match repo.kind:
        case Kind.MODEL:
            _read_model(facts, files, texts)
        case Kind.DATASET:
            facts.formats = _formats(files, _DATASET_FORMATS)
        case Kind.SPACE:
            facts.config = {
                "sdk": facts.card.sdk,
                "models": facts.card.models,
                "datasets": facts.card.datasets,
            }
    return facts


def _read_model(facts: Facts, files: dict[str, GitPath], texts: dict[str, bytes]) -> None:
    facts.formats = _formats(files, _MODEL_FORMATS)
    configs = {name: _object(texts.get(name, b"")) for name in _CONFIGS}
    facts.config = _architecture(configs["config.json"])
    facts.library = facts.library or _library(files, configs["config.json"], facts.formats)
    if facts.library == "transformers" or not facts.card.library:
        facts.task = facts.task or facts.config.get("transformers_info", {}).get("pipeline_tag", "")
    if not facts.task and facts.library == "sentence-transformers":
        facts.task = "sentence-similarity"
    base = configs["adapter_config.json"].get("base_model_name_or_path")
    if isinstance(base, str) and not facts.card.base_models:
        facts.card.metadata["base_model"] = _storable(base)
    facts.relation = _relation(facts, "adapter_config.json" in files)
    facts.apps = _apps(facts)
    facts.dtypes = _count(_weight_files(files, texts))


def _relation(facts: Facts, is_adapter: bool) -> str:
    """Return what the card says, else what the files look like; a plain model with one base is a fine-tune."""
    if not facts.card.base_models:
        return ""
    if facts.card.base_relation:
        return facts.card.base_relation
    if is_adapter:
        return "adapter"
    if len(facts.card.base_models) > 1:
        return "merge"
    quantized = "quantization_config" in facts.config or "gguf" in facts.formats
    return "quantized" if quantized else "finetune"


def _apps(facts: Facts) -> list[str]:
    known = [*facts.formats, facts.library, *facts.card.tags]
    if facts.task not in _SERVED_TASKS or "safetensors" not in facts.formats:
        known = [name for name in known if name != "transformers"]
    return list(dict.fromkeys(app for name in known for app in APPS.get(name, ())))


def _read_texts(repo: Repository, files: dict[str, GitPath]) -> dict[str, bytes]:
    """Return the contents of the small files that say something, in one query."""
    wanted = {}
    for path in (CARD_FILE, WEIGHTS_INDEX, *_CONFIGS):
        file = files.get(path) or (files.get(path.lower()) if path == CARD_FILE else None)
        limit = {CARD_FILE: MAX_CARD_FILE, WEIGHTS_INDEX: MAX_INDEX}.get(path, MAX_CONFIG)
        if file is not None and file.sha256 is None and file.size <= limit:
            wanted[path] = file.oid
    contents = read_objects(repo.store_id, wanted.values())
    return {path: contents[oid] for path, oid in wanted.items() if oid in contents}


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _formats(files: dict[str, GitPath], known: dict[str, str]) -> list[str]:
    """Return the formats of the files, the one with most files first."""
    counted: Counter[str] = Counter()
    for path in files:
        name = path.rpartition("/")[2].lower()
        counted.update({kind for end, kind in known.items() if name.endswith(end)})
    return [kind for kind, _count in counted.most_common()]


def _architecture(config: dict[str, Any]) -> dict[str, Any]:
    """Return the part of config.json that the site and the client protocol show."""
    found: dict[str, Any] = {}
    inner = config.get("text_config")
    sources = [config, inner if isinstance(inner, dict) else {}]
    architectures = config.get("architectures")
    if isinstance(architectures, list):
        found["architectures"] = [_storable(a) for a in architectures[:10] if isinstance(a, str)]
    for name in ("model_type", "torch_dtype", "dtype"):
        if isinstance(config.get(name), str):
            found["torch_dtype" if name == "dtype" else name] = _storable(config[name])
    for name in ("max_position_embeddings", "hidden_size", "num_hidden_layers", "vocab_size"):
        value = next((s[name] for s in sources if type(s.get(name)) is int and 0 < s[name] < 2**53), None)
        if value is not None:
            found[name] = value
    if type(config.get("n_positions")) is int and 0 < config["n_positions"] < 2**53:
        found.setdefault("max_position_embeddings", config["n_positions"])
    quantization = config.get("quantization_config")
    if isinstance(quantization, dict) and isinstance(quantization.get("quant_method"), str):
        found["quantization_config"] = {"quant_method": _storable(quantization["quant_method"])}
    if info := _auto_class(found.get("architectures", []), found.get("model_type", "")):
        found["transformers_info"] = info
    return found


def _storable(text: str) -> str:
    """Return at most MAX_WORD characters that the database takes; JSON may escape what it does not."""
    return UNSTORABLE.sub("", text[:MAX_WORD])


def _auto_class(architectures: list[str], model_type: str) -> dict[str, str] | None:
    """Return what opens the model in transformers: `auto_model`, `pipeline_tag` and `processor`."""
    for architecture in architectures:
        for end, auto_model, task in _ARCHITECTURES:
            if not architecture.endswith(end):
                continue
            processor = "AutoTokenizer"
            if end == "ForConditionalGeneration" and model_type in _SPEECH_TYPES:
                auto_model, task, processor = (
                    "AutoModelForSpeechSeq2Seq",
                    "automatic-speech-recognition",
                    "AutoProcessor",
                )
            elif end == "ForConditionalGeneration" and model_type not in _TEXT_TO_TEXT_TYPES:
                auto_model, task, processor = "AutoModelForImageTextToText", "image-text-to-text", "AutoProcessor"
            elif task.startswith(("image", "object", "depth", "video")):
                processor = "AutoImageProcessor"
            elif task.startswith(("audio", "automatic")):
                processor = "AutoProcessor"
            return {"auto_model": auto_model, "pipeline_tag": task, "processor": processor}
    return None


def _library(files: dict[str, GitPath], config: dict[str, Any], formats: list[str]) -> str:
    for name, library in _MARKS:
        if name in files:
            return library
    if isinstance(config.get("model_type"), str) or isinstance(config.get("architectures"), list):
        return "transformers"
    if isinstance(config.get("architecture"), str) and "pretrained_cfg" in config:
        return "timm"
    return next((f for f in formats if f in ("gguf", "keras", "onnx", "coreml", "openvino")), "")


def _weight_files(files: dict[str, GitPath], texts: dict[str, bytes]) -> list[GitPath]:
    """Return the safetensors files that make up the model: the one, or its shards, or whatever there is."""
    if WEIGHTS in files:
        return [files[WEIGHTS]]
    shards = _object(texts.get(WEIGHTS_INDEX, b"")).get("weight_map")
    if isinstance(shards, dict):
        names = sorted({name for name in shards.values() if isinstance(name, str)})
        return [files[name] for name in names if name in files] if all(name in files for name in names) else []
    # A pipeline has one file in each folder, next to lighter variants of it.
    return [f for p, f in files.items() if p.endswith(".safetensors") and p.count("/") <= 1 and ".fp16." not in p]


def _count(files: list[GitPath]) -> dict[str, int] | None:
    wanted = {file.sha256 for file in files if file.sha256 is not None}
    if not files or any(file.sha256 is None for file in files):
        return None
    blobs = Blob.objects.select_related("xet_file").in_bulk(wanted)
    if wanted - blobs.keys():
        return None
    return count_weights(blobs[str(file.sha256)] for file in files)
