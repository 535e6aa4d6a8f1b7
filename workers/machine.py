"""What this worker is: its device, its memory for models, and the versions that its results depend on."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from workers import sandbox

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "datasets", "huggingface_hub", "numpy")


def describe() -> dict[str, Any]:
    """Return what the hub shows of this worker. memory: bytes that models may take, all together."""
    accelerator = accelerator_name()
    confinement = sandbox.probe()
    return {
        "device": "cuda" if accelerator else "cpu",
        "hardware": accelerator or processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": memory_for_models(),
        "sandbox": confinement.name,
        "refused": list(confinement.refused),
        "loads_models": sandbox.may_load_models(),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def memory_for_models() -> int:
    """Return the bytes that loaded models may take: GROVE_MODEL_MEMORY (bytes), else half of what the device has."""
    if given := os.environ.get("GROVE_MODEL_MEMORY"):
        return int(given)
    if accelerator_name():
        found = _nvidia_smi("memory.total")
        return int(found.split()[0]) * 1024**2 * 9 // 10
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def accelerator_name() -> str:
    """Return the name of the first NVIDIA device, empty where there is none."""
    if not Path("/proc/driver/nvidia/version").exists():
        return ""
    return _nvidia_smi("name")


def processor_name() -> str:
    """Return the processor's name and number of cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{named or platform.machine()}, {len(os.sched_getaffinity(0))} cores"


def _nvidia_smi(field: str) -> str:
    """Return one field of the first device."""
    asked = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.splitlines()[0].strip() if said.strip() else ""


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
