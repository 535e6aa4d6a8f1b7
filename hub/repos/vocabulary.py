"""The words that cards use: tasks, libraries, licences, languages. Ids are those that the client family writes."""

from functools import cache

from babel import Locale
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

TASKS: dict[str, str | Promise] = {
    "text-generation": _("Text generation"),
    "text2text-generation": _("Text-to-text generation"),
    "text-classification": _("Text classification"),
    "token-classification": _("Token classification"),
    "fill-mask": _("Fill-mask"),
    "question-answering": _("Question answering"),
    "table-question-answering": _("Table question answering"),
    "zero-shot-classification": _("Zero-shot classification"),
    "translation": _("Translation"),
    "summarization": _("Summarization"),
    "feature-extraction": _("Feature extraction"),
    "sentence-similarity": _("Sentence similarity"),
    "text-ranking": _("Text ranking"),
    "text-retrieval": _("Text retrieval"),
    "multiple-choice": _("Multiple choice"),
    "conversational": _("Conversation"),
    "image-classification": _("Image classification"),
    "zero-shot-image-classification": _("Zero-shot image classification"),
    "object-detection": _("Object detection"),
    "zero-shot-object-detection": _("Zero-shot object detection"),
    "image-segmentation": _("Image segmentation"),
    "mask-generation": _("Mask generation"),
    "depth-estimation": _("Depth estimation"),
    "keypoint-detection": _("Keypoint detection"),
    "image-feature-extraction": _("Image feature extraction"),
    "image-to-image": _("Image to image"),
    "image-to-text": _("Image to text"),
    "image-to-video": _("Image to video"),
    "image-to-3d": _("Image to 3D"),
    "text-to-image": _("Text to image"),
    "text-to-video": _("Text to video"),
    "text-to-3d": _("Text to 3D"),
    "unconditional-image-generation": _("Unconditional image generation"),
    "video-classification": _("Video classification"),
    "video-to-video": _("Video to video"),
    "image-text-to-text": _("Image and text to text"),
    "image-text-to-image": _("Image and text to image"),
    "image-text-to-video": _("Image and text to video"),
    "video-text-to-text": _("Video and text to text"),
    "audio-text-to-text": _("Audio and text to text"),
    "visual-question-answering": _("Visual question answering"),
    "document-question-answering": _("Document question answering"),
    "visual-document-retrieval": _("Visual document retrieval"),
    "any-to-any": _("Any to any"),
    "text-to-speech": _("Text to speech"),
    "text-to-audio": _("Text to audio"),
    "automatic-speech-recognition": _("Speech recognition"),
    "audio-to-audio": _("Audio to audio"),
    "audio-classification": _("Audio classification"),
    "voice-activity-detection": _("Voice activity detection"),
    "tabular-classification": _("Tabular classification"),
    "tabular-regression": _("Tabular regression"),
    "tabular-to-text": _("Table to text"),
    "table-to-text": _("Table to text"),
    "time-series-forecasting": _("Time series forecasting"),
    "reinforcement-learning": _("Reinforcement learning"),
    "robotics": _("Robotics"),
    "graph-ml": _("Graph learning"),
    "other": _("Other"),
}

# Names of libraries, as they write themselves.
LIBRARIES: dict[str, str | Promise] = {
    "adapter-transformers": "Adapters",
    "allennlp": "AllenNLP",
    "asteroid": "Asteroid",
    "bertopic": "BERTopic",
    "coreml": "Core ML",
    "diffusers": "Diffusers",
    "espnet": "ESPnet",
    "fastai": "fastai",
    "fasttext": "fastText",
    "flair": "Flair",
    "gguf": "GGUF",
    "jax": "JAX",
    "keras": "Keras",
    "lerobot": "LeRobot",
    "llama.cpp": "llama.cpp",
    "mlx": "MLX",
    "nemo": "NeMo",
    "onnx": "ONNX",
    "open_clip": "OpenCLIP",
    "openvino": "OpenVINO",
    "paddlenlp": "PaddleNLP",
    "paddlepaddle": "PaddlePaddle",
    "peft": "PEFT",
    "pyannote-audio": "pyannote.audio",
    "pytorch": "PyTorch",
    "safetensors": "Safetensors",
    "sentence-transformers": "Sentence Transformers",
    "setfit": "SetFit",
    "sklearn": "scikit-learn",
    "spacy": "spaCy",
    "span-marker": "SpanMarker",
    "speechbrain": "SpeechBrain",
    "stable-baselines3": "Stable-Baselines3",
    "stanza": "Stanza",
    "tensorflowtts": "TensorFlowTTS",
    "tf-keras": "TF-Keras",
    "timm": "timm",
    "tensorboard": "TensorBoard",
    "transformers": "Transformers",
    "transformers.js": "Transformers.js",
    "trl": "TRL",
    "ultralytics": "Ultralytics",
    "unsloth": "Unsloth",
    "vllm": "vLLM",
    # Formats of data sets, and what reads them.
    "datasets": "Datasets",
    "csv": "CSV",
    "json": "JSON",
    "parquet": "Parquet",
    "arrow": "Arrow",
    "text": "Text",
    "webdataset": "WebDataset",
}

LICENSES: dict[str, str | Promise] = {
    "apache-2.0": "Apache 2.0",
    "mit": "MIT",
    "openrail": "OpenRAIL",
    "bigscience-openrail-m": "BigScience OpenRAIL-M",
    "creativeml-openrail-m": "CreativeML OpenRAIL-M",
    "bigscience-bloom-rail-1.0": "BigScience BLOOM RAIL 1.0",
    "bigcode-openrail-m": "BigCode OpenRAIL-M",
    "openrail++": "OpenRAIL++",
    "afl-3.0": "AFL 3.0",
    "artistic-2.0": "Artistic 2.0",
    "bsl-1.0": "BSL 1.0",
    "bsd": "BSD",
    "bsd-2-clause": "BSD 2-Clause",
    "bsd-3-clause": "BSD 3-Clause",
    "bsd-3-clause-clear": "BSD 3-Clause Clear",
    "c-uda": "C-UDA",
    "cc": "Creative Commons",
    "cc0-1.0": "CC0 1.0",
    "cc-by-2.0": "CC BY 2.0",
    "cc-by-2.5": "CC BY 2.5",
    "cc-by-3.0": "CC BY 3.0",
    "cc-by-4.0": "CC BY 4.0",
    "cc-by-sa-3.0": "CC BY-SA 3.0",
    "cc-by-sa-4.0": "CC BY-SA 4.0",
    "cc-by-nc-2.0": "CC BY-NC 2.0",
    "cc-by-nc-3.0": "CC BY-NC 3.0",
    "cc-by-nc-4.0": "CC BY-NC 4.0",
    "cc-by-nd-4.0": "CC BY-ND 4.0",
    "cc-by-nc-nd-3.0": "CC BY-NC-ND 3.0",
    "cc-by-nc-nd-4.0": "CC BY-NC-ND 4.0",
    "cc-by-nc-sa-2.0": "CC BY-NC-SA 2.0",
    "cc-by-nc-sa-3.0": "CC BY-NC-SA 3.0",
    "cc-by-nc-sa-4.0": "CC BY-NC-SA 4.0",
    "cdla-sharing-1.0": "CDLA Sharing 1.0",
    "cdla-permissive-1.0": "CDLA Permissive 1.0",
    "cdla-permissive-2.0": "CDLA Permissive 2.0",
    "wtfpl": "WTFPL",
    "ecl-2.0": "ECL 2.0",
    "epl-1.0": "EPL 1.0",
    "epl-2.0": "EPL 2.0",
    "etalab-2.0": "Etalab 2.0",
    "eupl-1.1": "EUPL 1.1",
    "eupl-1.2": "EUPL 1.2",
    "agpl-3.0": "AGPL 3.0",
    "gfdl": "GFDL",
    "gpl": "GPL",
    "gpl-2.0": "GPL 2.0",
    "gpl-3.0": "GPL 3.0",
    "lgpl": "LGPL",
    "lgpl-2.1": "LGPL 2.1",
    "lgpl-3.0": "LGPL 3.0",
    "isc": "ISC",
    "h-research": "H Research",
    "intel-research": "Intel Research Use",
    "lppl-1.3c": "LPPL 1.3c",
    "ms-pl": "Ms-PL",
    "mpl-2.0": "MPL 2.0",
    "odc-by": "ODC-By",
    "odbl": "ODbL",
    "openmdw-1.0": "OpenMDW 1.0",
    "openrail-m": "OpenRAIL-M",
    "osl-3.0": "OSL 3.0",
    "postgresql": "PostgreSQL",
    "ofl-1.1": "OFL 1.1",
    "ncsa": "NCSA",
    "unlicense": "Unlicense",
    "zlib": "zlib",
    "pddl": "PDDL",
    "lgpl-lr": "LGPL-LR",
    "deepfloyd-if-license": "DeepFloyd IF",
    "fair-noncommercial-research-license": "FAIR Noncommercial Research",
    "llama2": "Llama 2",
    "llama3": "Llama 3",
    "llama3.1": "Llama 3.1",
    "llama3.2": "Llama 3.2",
    "llama3.3": "Llama 3.3",
    "llama4": "Llama 4",
    "grok2-community": "Grok 2 Community",
    "gemma": "Gemma",
    "apple-ascl": "Apple ASCL",
    "apple-amlr": "Apple AMLR",
    "unknown": _("Unknown"),
    "other": _("Other"),
}

# What cards say in place of a language code.
OTHER_LANGUAGES: dict[str, str | Promise] = {"multilingual": _("Multilingual"), "code": _("Source code")}

# How many rows a dataset has, in the steps that cards use.
SIZE_CATEGORIES: dict[str, str | Promise] = {
    "n<1K": _("fewer than 1 k"),
    "1K<n<10K": _("1 k to 10 k"),
    "10K<n<100K": _("10 k to 100 k"),
    "100K<n<1M": _("100 k to 1 M"),
    "1M<n<10M": _("1 M to 10 M"),
    "10M<n<100M": _("10 M to 100 M"),
    "100M<n<1B": _("100 M to 1 B"),
    "1B<n<10B": _("1 B to 10 B"),
    "10B<n<100B": _("10 B to 100 B"),
    "100B<n<1T": _("100 B to 1 T"),
    "n>1T": _("more than 1 T"),
}

# What a space can be made with.
SDKS = ("gradio", "streamlit", "docker", "static")
# How a model comes from its base.
BASE_RELATIONS = ("finetune", "adapter", "merge", "quantized")


@cache
def _languages(locale: str) -> dict[str, str]:
    return dict(Locale.parse(locale).languages)


def may_be_language(code: str) -> bool:
    """Tell whether `code` begins as a language's code can, or is one of the other words: ISO 639 has 183 codes of two letters,
    all known here, and thousands of three."""
    first = code.replace("_", "-").partition("-")[0]
    return is_language(code) or (len(first) == 3 and first.isascii() and first.isalpha() and first.islower())


def is_language(code: str) -> bool:
    """Tell whether `code` begins with an ISO 639 code (`en`, `zh-Hant`, `yue`), or is one of the other words."""
    return code in OTHER_LANGUAGES or code.replace("_", "-").partition("-")[0].lower() in _languages("en")


def label(key: str, value: str) -> str:
    """Return what a page calls a facet's value (`task`, `library`, `license`, `language`, `size`; else the value itself)."""
    if key == "language":
        if value in OTHER_LANGUAGES:
            return str(OTHER_LANGUAGES[value])
        locale = "zh_Hans" if (get_language() or "").startswith("zh") else "en"
        return _languages(locale).get(value.replace("-", "_")) or _languages(locale).get(value[:2], value)
    if key == "size":
        return next((str(name) for size, name in SIZE_CATEGORIES.items() if size.lower() == value.lower()), value)
    known = {"task": TASKS, "library": LIBRARIES, "license": LICENSES}
    return str(known.get(key, {}).get(value, value))
