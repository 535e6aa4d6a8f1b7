"""The folders of an instance: made, owned and locked. Never widens the permissions of a folder that was there."""

import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hub.embedded.errors import Exit, StartError
from hub.embedded.places import ROOT_BASE, Engines

# PostgreSQL refuses to run as root, so root's engines run as this account.
ACCOUNT = "grove-engines"
Account = pwd.struct_passwd
# What an instance that has begun to stop writes into its lock, and how long one waits for it, in seconds.
STOPPING = "stopping"
STOPPING_SECONDS = 90


def engine_account() -> Account | None:
    """The account that root's engines run as, made where it is missing; None for a plain user, who runs them."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        raise StartError(
            Exit.MISSING,
            f"PostgreSQL does not run as root, and there is no `useradd` to make the account {ACCOUNT} for it. "
            f"Make that account, or start Grove as a plain user.",
        )
    made = subprocess.run(
        [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", str(ROOT_BASE)]
        + ["--shell", "/usr/sbin/nologin", ACCOUNT],
        capture_output=True,
        text=True,
    )
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        said = made.stderr.strip().replace("\n", " ")
        raise StartError(Exit.FAILED, f"The account {ACCOUNT} could not be made: {said}") from None


def user_name() -> str:
    """The name of the user who runs this process, which PostgreSQL's peer authentication asks the system for."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise StartError(
            Exit.FAILED,
            f"The user number {os.geteuid()} has no name on this machine, and PostgreSQL needs one. "
            f"Add it to /etc/passwd, or connect to a database with DATABASE_URL.",
        ) from None


def open_data_folder(data: Path) -> int:
    """Make the data folder if it is missing, check that it can be written, and lock it until this process ends.

    Returns the lock's descriptor, for `mark_stopping`. Waits for another instance where that is stopping already.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            pass
        lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(
            Exit.DATA,
            f"The data folder {data} cannot be written ({error.strerror}). "
            f"Choose another with GROVE_DATA, or give it to the user who runs Grove.",
        ) from None
    deadline = time.monotonic() + STOPPING_SECONDS
    while not _locked(lock):
        holder = os.pread(lock, 64, 0).decode().strip()
        if not holder.endswith(STOPPING) or time.monotonic() > deadline:
            raise StartError(
                Exit.TAKEN,
                f"Another Grove (process {holder}) already runs on the data folder {data}. "
                f"Stop it, or choose another folder with GROVE_DATA.",
            )
        time.sleep(0.1)
    _note(lock, str(os.getpid()))
    return lock


def mark_stopping(lock: int) -> None:
    """Tell an instance that wants to start that it need only wait."""
    _note(lock, f"{os.getpid()} {STOPPING}")


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _note(lock: int, text: str) -> None:
    os.pwrite(lock, f"{text:<40}\n".encode(), 0)


def open_engine_folders(data: Path, engines: Engines, account: Account | None) -> None:
    """Make the folders of the carried engines, or check that those there belong to this user and data folder."""
    link = data / "engines"
    try:
        if account is None:
            if link.is_symlink():
                raise StartError(
                    Exit.DATA, f"The engines of {data} were made by root ({link.readlink()}). Start Grove as root."
                )
            _own_folder(engines.home)
        else:
            _link_root_folder(data, link, engines, account)
        _own_folder(engines.sockets, account)
    except OSError as error:
        raise StartError(
            Exit.DATA, f"The engines' folder {error.filename} cannot be used ({error.strerror})."
        ) from None


def _link_root_folder(data: Path, link: Path, engines: Engines, account: Account) -> None:
    if link.is_dir() and not link.is_symlink():
        raise StartError(
            Exit.DATA, f"The engines of {data} belong to the user {link.owner()}. Start Grove as that user."
        )
    if link.is_symlink() and not link.exists():
        raise StartError(
            Exit.DATA,
            f"The engines of {data} were in {link.readlink()}, which is gone. Put that folder back; "
            f"to begin with an empty database instead, remove {link}.",
        )
    open_root_base()
    _own_folder(engines.home, account)
    # Whose engines these are: a copied data folder must not write into the database of the original.
    mark = engines.home / "data-folder"
    owner = Path(mark.read_text()) if mark.exists() else data
    if owner != data and (owner / "engines").is_symlink() and (owner / "engines").resolve() == engines.home:
        raise StartError(
            Exit.DATA,
            f"{data} is a copy of {owner}, whose database is in {engines.home}. "
            f"Start the original, or remove {link} from the copy to begin with an empty database.",
        )
    mark.write_text(str(data))
    if not link.is_symlink():
        link.symlink_to(engines.home)


def open_root_base() -> None:
    """Make the folder that holds the engines and programs of every instance that root starts."""
    if not ROOT_BASE.exists():
        ROOT_BASE.mkdir(parents=True)
        ROOT_BASE.chmod(0o755)


def _own_folder(folder: Path, account: Account | None = None) -> None:
    """Make a folder that only its owner can enter; one that was there must already be so."""
    uid = account.pw_uid if account else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        # Somebody else may have put a folder or a link at a name below /tmp that anybody can work out.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
            raise StartError(
                Exit.DATA, f"The folder {folder} is not private to the user that the engines run as. Remove it."
            ) from None
        return
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)


def install_programs(name: str, copy: Callable[[Path], object]) -> Path:
    """Put programs where root's engine account can run them, once per version; returns their folder.

    The originals may lie below a private home, which the account cannot enter.
    """
    open_root_base()
    target = ROOT_BASE / "bin" / name
    if target.exists():
        return target
    target.parent.mkdir(mode=0o755, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=target.parent))
    try:
        copy(draft)
        for path in [draft, *draft.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        # Another instance may have installed the same version meanwhile.
        if not target.exists():
            raise
    return target
