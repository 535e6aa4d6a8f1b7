"""The first thing that runs in a confined child: give up all rights, then run the module that was named.

`python confined.py PLAN MODULE ARGUMENT...`, PLAN being what `workers/sandbox.py` decided, in JSON. It stays one process, as no
other program may be started once the filter stands. Needs Linux on x86-64 or arm64.
"""

import ctypes
import json
import os
import platform
import resource
import runpy
import signal
import stat
import struct
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Confine this process and run the module."""
    plan = json.loads(sys.argv[1])
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    # Before the folder above it, which holds more than code, can no longer be looked into.
    import workers  # noqa: F401

    _end_with(plan["parent"])
    _limit(plan["file_size"])
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if plan["landlock"]:
        # How much memory it takes itself, which the batch of an engine asks. Held open: the rule is for this very node.
        own = f"/proc/{os.getpid()}/statm"
        os.open(own, os.O_PATH | os.O_CLOEXEC)
        restrict_files([*plan["landlock"]["read"], own], plan["landlock"]["write"])
    if plan["filter"]:
        _install_filter()
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _prctl(*args: int) -> None:
    wide = [ctypes.c_ulong(arg) for arg in args[1:]] + [ctypes.c_ulong(0)] * (5 - len(args))
    if _libc.prctl(args[0], *wide):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _end_with(parent: int) -> None:
    """Be killed when the parent ends. In a pid namespace the parent is the namespace's first process, which does the same."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() not in (parent, 1):
        sys.exit("the worker is gone")


def _limit(file_size: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = 1024 if hard == resource.RLIM_INFINITY else min(1024, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Too large a file is an error that can be reported, not the end.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return  # The kernel then chooses by size, which is the child as well.


# --- Landlock (linux/landlock.h) ------------------------------------------------------------------------------------------

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_MAKE_NODES = (1 << 6) | (1 << 9) | (1 << 11)  # character devices, sockets, block devices


def restrict_files(readable: list[str], writable: list[str]) -> None:
    """Leave this process the files below the given paths. Raises OSError where the kernel has no Landlock."""
    abi = _syscall(_CREATE_RULESET, None, 0, 1)
    handled = (1 << 13) - 1
    handled |= (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0) | (_IOCTL_DEV if abi >= 5 else 0)
    network = 3 if abi >= 4 else 0  # TCP bind and connect; the filter refuses every socket besides
    scope = 3 if abi >= 6 else 0  # abstract unix sockets and signals to processes outside
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    attributes = struct.pack("=QQQ", handled, network, scope)[:size]
    ruleset = _syscall(_CREATE_RULESET, ctypes.c_char_p(attributes), size, 0)
    try:
        for path in readable:
            devices = (_WRITE_FILE | _IOCTL_DEV) if path.startswith("/dev/") else 0
            _allow(ruleset, path, (_EXECUTE | _READ_FILE | _READ_DIR | devices) & handled)
        for path in writable:
            _allow(ruleset, path, handled & ~(_EXECUTE | _MAKE_NODES | _IOCTL_DEV))
        _syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
        _syscall(_ADD_RULE, ruleset, 1, ctypes.c_char_p(struct.pack("=Qi", rights, fd)), 0)
    finally:
        os.close(fd)


def _syscall(number: int, *args: object) -> int:
    wide = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    _libc.syscall.restype = ctypes.c_long
    result = _libc.syscall(ctypes.c_long(number), *wide)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)


# --- seccomp (linux/seccomp.h, linux/filter.h) ----------------------------------------------------------------------------

_EPERM, _ENOSYS = 1, 38
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_CLONE_THREAD = 0x00010000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# name: number on x86-64, number on arm64 (None: there is none)
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "setsid": (112, 157),
    "setpgid": (109, 154),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),  # memory that the watchdog would not see
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
}
# To itself only: a program aborts by a signal to itself.
_SIGNALS = {"kill": (62, 129), "tgkill": (234, 131)}
_CLONE, _CLONE3 = (56, 220), 435


def _install_filter() -> None:
    """Refuse the calls above, for every thread from now on. Threads may be started, processes may not."""
    machine = platform.machine()
    column = list(_ARCHITECTURES).index(machine) if machine in _ARCHITECTURES else sys.exit(f"no filter for {machine}")
    refuse = (_RETURN, 0, 0, _ERRNO | _EPERM)
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        # Another set of numbers on x86-64 (x32); no real number is so high.
        (_JUMP_AT_LEAST, 0, 1, 0x40000000),
        refuse,
    ]
    for numbers in _REFUSED.values():
        number = numbers[column]
        if number is not None:
            code += [(_JUMP_EQUAL, 0, 1, number), refuse]
    # Its flags lie in memory, where no filter sees them; the C library then takes the older call.
    code += [(_JUMP_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    for numbers in _SIGNALS.values():
        code += [
            (_JUMP_EQUAL, 0, 4, numbers[column]),
            (_LOAD, 0, 0, _FIRST_ARGUMENT),
            (_JUMP_EQUAL, 0, 1, os.getpid()),
            (_RETURN, 0, 0, _ALLOW),
            refuse,
        ]
    code += [
        (_JUMP_EQUAL, 0, 3, _CLONE[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_BITS, 1, 0, _CLONE_THREAD),
        refuse,
        (_RETURN, 0, 0, _ALLOW),
    ]
    packed = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in code))
    program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(packed))
    buffer = ctypes.create_string_buffer(program)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(buffer))


if __name__ == "__main__":
    main()
