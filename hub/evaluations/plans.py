"""What is to be measured: settings from strangers made into numbers, and what the repositories' own files rule out."""

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from hub.core.text import UNSTORABLE
from hub.evaluations.errors import BadSettings, NotEvaluable
from hub.evaluations.models import MAX_NAME
from hub.jobs.failures import refusal
from hub.repos import cards
from hub.repos.git.files import FileEntry, list_files, list_folder, read_file
from hub.repos.models import GitCommit, Repository
from workers.contracts import CAUSAL_ENDINGS, DATA_FILES, WEIGHTS, WEIGHTS_INDEX, EvaluationSpec, Failure, FailureCode

MIN_TOKENS, MAX_TOKENS = 16, 1_048_576  # of the text
MIN_CONTEXT, MAX_CONTEXT = 2, 32_768
# Where nothing is asked for: as long as the model takes, up to this.
DEFAULT_CONTEXT = 1024
# One window is one run of the model, so a stride of a few tokens over a long text would never end.
MAX_WINDOWS = 65_536
MAX_SEED = 2**31 - 1
MAX_CONFIG = 4 * 1024 * 1024  # bytes of config.json that are read
MAX_CONFIGS, MAX_FILES = 200, 2000  # of a dataset, that are looked at for the names of splits

# Words in the path of a file by which the datasets library tells its split; a file without any is of the training split.
_SPLIT_WORDS = {
    "test": ("test", "testing", "eval", "evaluation"),
    "validation": ("validation", "valid", "dev", "val"),
    "train": ("train", "training"),
}
_SPLIT = re.compile(r"\w+(\.\w+)*")
_NOT_IN_CONFIGS = re.compile(r"[<>:/\\|?*]")


@dataclass(frozen=True)
class Settings:
    """What is asked for. An empty split, and a context or stride of 0, take the usual (`settle`). See EvaluationSpec."""

    config: str = EvaluationSpec.config
    split: str = ""
    column: str = EvaluationSpec.column
    context: int = 0
    stride: int = 0
    max_tokens: int = EvaluationSpec.max_tokens
    seed: int = EvaluationSpec.seed

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ModelFacts:
    """What a model's files say. context: the longest input in tokens, None where the configuration does not say it."""

    context: int | None


@dataclass(frozen=True)
class DatasetFacts:
    """What a dataset's card and the names of its files say; the datasets library decides when they are read."""

    configs: tuple[str, ...]
    splits: tuple[str, ...]

    @property
    def usual_split(self) -> str:
        return next((split for split in _SPLIT_WORDS if split in self.splits), self.splits[0])


def settle(asked: Settings, facts: ModelFacts, data: DatasetFacts) -> Settings:
    """Return the settings with everything chosen. Raises BadSettings, which names the field."""
    asked = replace(asked, split=asked.split or data.usual_split)
    _check_names(asked)
    context = asked.context or min(DEFAULT_CONTEXT, facts.context or DEFAULT_CONTEXT)
    _check_range("context", context, MIN_CONTEXT, MAX_CONTEXT)
    if facts.context and context > facts.context:
        raise BadSettings(
            _("This model takes %(longest)d tokens at most. Choose a context of %(longest)d or less.")
            % {"longest": facts.context},
            field="context",
        )
    stride = asked.stride or max(1, context // 2)
    if not 1 <= stride <= context:
        raise BadSettings(
            _("A stride is 1 to %(context)d here: as many tokens as the context at most.") % {"context": context},
            field="stride",
        )
    _check_range("max_tokens", asked.max_tokens, MIN_TOKENS, MAX_TOKENS)
    _check_range("seed", asked.seed, 0, MAX_SEED)
    if asked.max_tokens / stride > MAX_WINDOWS:
        raise BadSettings(
            _("That would be more than %(most)d windows. Take a longer stride or fewer tokens.")
            % {"most": MAX_WINDOWS},
            field="stride",
        )
    return replace(asked, context=context, stride=stride)


def _check_range(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise BadSettings(
            _("%(field)s is %(low)d to %(high)d.") % {"field": field, "low": low, "high": high}, field=field
        )


def _check_names(asked: Settings) -> None:
    for field in ("config", "split", "column"):
        value = getattr(asked, field)
        if len(value) > MAX_NAME or UNSTORABLE.search(value):
            raise BadSettings(
                _("%(field)s has at most %(most)d characters.") % {"field": field, "most": MAX_NAME}, field=field
            )
    if not _SPLIT.fullmatch(asked.split):
        raise BadSettings(
            _("A split is one name, such as test or train, without brackets: slices cannot be measured."), field="split"
        )
    if not asked.column:
        raise BadSettings(_("Name the column that holds the text."), field="column")
    if _NOT_IN_CONFIGS.search(asked.config):
        raise BadSettings(_("No configuration of a dataset has such a name."), field="config")


def check_model(repo: Repository, commit: GitCommit) -> ModelFacts:
    """Return what the model's files say. Raises NotEvaluable, JobRefused for what no worker could measure."""
    files = {entry.path: entry for entry in list_folder(repo, commit) if not entry.is_folder}
    if not any(name in files for name in (WEIGHTS, WEIGHTS_INDEX)):
        if "adapter_config.json" in files:
            raise NotEvaluable(
                _(
                    "This is an adapter, and whole models are measured. Merge it into its base model and upload the result."
                )
            )
        raise refusal(Failure(FailureCode.NO_SAFETENSORS))
    config = _config(repo, files.get("config.json"))
    named = config.get("architectures")
    architectures = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    if architectures and not any(name.endswith(CAUSAL_ENDINGS) for name in architectures):
        raise NotEvaluable(
            _(
                "Perplexity is measured for models that predict the next token, and this one's config.json names "
                "“%(architecture)s”."
            )
            % {"architecture": architectures[0][:100]}
        )
    inner = config.get("text_config")
    sources = [config, inner if isinstance(inner, dict) else {}]
    lengths = [s.get(name) for s in sources for name in ("max_position_embeddings", "n_positions")]
    return ModelFacts(context=next((n for n in lengths if type(n) is int and n >= MIN_CONTEXT), None))


def _config(repo: Repository, file: FileEntry | None) -> dict[str, Any]:
    if file is None or file.sha256 is not None or file.size > MAX_CONFIG:
        raise NotEvaluable(_("This model has no config.json that says what it is. Its owner can upload one."))
    try:
        config = json.loads(read_file(repo, file))
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise NotEvaluable(_("This model's config.json is no JSON object. Its owner can upload another one."))
    return config


def data_files(repo: Repository, commit: GitCommit) -> list[FileEntry]:
    """Return the files of a dataset that hold rows."""
    return [file for file in list_files(repo, commit) if DATA_FILES.fullmatch(file.path)]


def check_dataset(repo: Repository, commit: GitCommit) -> DatasetFacts:
    """Return what the dataset says of itself. Raises NotEvaluable for one without a file that can be read."""
    files = data_files(repo, commit)
    if not files:
        raise NotEvaluable(
            _(
                "%(name)s has no file that evaluations can read. They read Parquet, JSON lines, CSV and plain text; "
                "choose another dataset."
            )
            % {"name": repo.full_name}
        )
    stated = _stated_configs(repo, commit)
    configs = [name for config in stated if isinstance(name := config.get("config_name"), str)]
    splits = [split for config in stated for split in _splits_in(config.get("data_files"))]
    if not splits:
        found = {split for file in files[:MAX_FILES] for split in _splits_by_name(file.path)}
        splits = [split for split in _SPLIT_WORDS if split in found] or ["train"]
    return DatasetFacts(tuple(dict.fromkeys(configs)), tuple(dict.fromkeys(splits)))


def _stated_configs(repo: Repository, commit: GitCommit) -> list[dict[str, Any]]:
    """Return what the card says of configurations: [{"config_name", "data_files": [{"split", "path"}]}]."""
    stated = cards.card_at(repo, commit).metadata.get("configs")
    return [config for config in stated[:MAX_CONFIGS] if isinstance(config, dict)] if isinstance(stated, list) else []


def _splits_in(stated: Any) -> list[str]:
    files = stated if isinstance(stated, list) else []
    named = [file.get("split") for file in files[:MAX_CONFIGS] if isinstance(file, dict)]
    return [split for split in named if isinstance(split, str) and _SPLIT.fullmatch(split)]


def _splits_by_name(path: str) -> list[str]:
    words = set(re.split(r"[^a-z]+", path.lower()))
    return [split for split, names in _SPLIT_WORDS.items() if words.intersection(names)]
