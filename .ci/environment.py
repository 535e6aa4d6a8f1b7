"""Make a virtual environment with what pyproject.toml asks for: `environment.py FOLDER EXTRA... [--check]`.

Does nothing where the environment has it all already, so a warm start costs a moment. With --check it never does anything,
and its exit code is 1 where there would be something to do. Runs under whatever Python is
there, to be able to say that it is too old.
"""

import os
import subprocess
import sys

OLDEST = (3, 11)
CPU_TORCH = "https://download.pytorch.org/whl/cpu"


def main(folder, extras, only_check):
    """Bring the environment up to date, or end with one line that says what is missing."""
    if sys.version_info < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.exit(f"Grove needs Python 3.11 or newer; {sys.executable} is {found}. Name another: make PYTHON=python3.13")
    wanted = requirements(extras)
    stamp = os.path.join(folder, "installed")
    if os.path.exists(python_of(folder)) and wanted <= lines_of(stamp):
        return
    if only_check:
        sys.exit(1)
    import fcntl

    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two commands may need the same environment at once.
        installed = lines_of(stamp)
        if not (os.path.exists(python_of(folder)) and wanted <= installed):
            print(f"Installing into {folder}. This takes a while the first time.", flush=True)
            install(folder, wanted, stamp)


def requirements(extras):
    """The requirement lines of the project and of the named extras; `only:EXTRA` leaves out the project's own."""
    import tomllib

    with open("pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    wanted = {f"# python {sys.version_info[0]}.{sys.version_info[1]}"}
    if not all(extra.startswith("only:") for extra in extras):
        wanted |= set(project["dependencies"])
    for extra in extras:
        wanted |= set(project["optional-dependencies"][extra.removeprefix("only:")])
    return wanted


def lines_of(path):
    try:
        with open(path) as file:
            return set(file.read().splitlines())
    except FileNotFoundError:
        return set()


def python_of(folder):
    return os.path.join(folder, "bin", "python")


def install(folder, wanted, stamp):
    marker = next(line for line in wanted if line.startswith("#"))
    known = lines_of(stamp)
    if not os.path.exists(python_of(folder)) or marker not in known:
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", folder])
        if made.returncode:
            sys.exit("The environment could not be made. On Debian, `apt install python3-venv` brings what is missing.")
        # From here on the environment is whole, whatever it still lacks.
        known = {marker}
        write_stamp(stamp, known)
    # What was asked for before stays, unless it is no longer what pyproject.toml says.
    everything = wanted | {line for line in known if line in all_requirements()}
    lines = sorted(line for line in everything if not line.startswith("#"))
    torch = [line for line in lines if line.startswith("torch==")]
    # An image for machines with a device is built on one that has none.
    if torch and os.environ.get("GROVE_TORCH") != "cuda" and not os.path.exists("/proc/driver/nvidia/version"):
        install_cpu_torch(folder, torch[0])
    if pip(folder, *lines):
        sys.exit("pip could not install what Grove needs; its lines above say why. Run the same command again.")
    write_stamp(stamp, everything)


def write_stamp(stamp, lines):
    with open(f"{stamp}.new", "w") as file:
        file.write("\n".join(sorted(lines)) + "\n")
    os.replace(f"{stamp}.new", stamp)


def all_requirements():
    import tomllib

    with open("pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    return set(project["dependencies"]).union(*project["optional-dependencies"].values())


def install_cpu_torch(folder, requirement):
    """Take the build for machines without an accelerator: from pip's find-links, else from PyTorch's own index.

    Where neither has it, the ordinary build follows with the rest.
    """
    if pip(folder, "--no-index", "--no-deps", requirement, quiet=True):
        pip(folder, "--no-deps", "--index-url", CPU_TORCH, requirement, quiet=True)


def pip(folder, *args, quiet=False):
    command = [python_of(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *args]
    return subprocess.run(command, stderr=subprocess.DEVNULL if quiet else None).returncode


if __name__ == "__main__":
    main(sys.argv[1], [word for word in sys.argv[2:] if word != "--check"], "--check" in sys.argv)
