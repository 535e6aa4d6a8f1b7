"""A Python that stays, and runs one program after the other: to import Django or torch again takes longer than most tests.

Each program is run as `python -m MODULE ARGS` would run it, with everything that was imported before still in memory.
"""

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
import traceback
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Resident:
    """One such process, started when it is first asked. It ends with this object, or with `stop`."""

    python: str | Path
    cwd: Path
    env: dict[str, str] = field(repr=False)
    _process: subprocess.Popen[str] | None = None
    _end: weakref.finalize | None = None

    def run(self, module: str, *args: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a module as a program with `given` on its input; returns what came of it."""
        process = self._started()
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps([module, args, given]) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, f"{module} {args} ended its interpreter with {process.wait()}."
        code, out, said = json.loads(line)
        return subprocess.CompletedProcess([module, *args], code, out, said)

    def stop(self) -> None:
        if self._end:
            self._end()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None:
            self._process = subprocess.Popen(
                # -P: the folder of this file has packages of the names of the hub's own.
                [self.python, "-P", Path(__file__)],
                cwd=self.cwd,
                env={**self.env, "PYTHONPATH": str(self.cwd)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self._end = weakref.finalize(self, _close, self._process)
        return self._process


def _close(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def _serve() -> None:
    """Answer each line of input, a JSON list of module, arguments and input, with one of code, output and errors."""
    # Whatever is written past the streams of Python goes to the errors of this process, never between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        module, args, given = json.loads(line)
        print(json.dumps(_run(module, args, given)), file=answers, flush=True)


def _run(module: str, args: list[str], given: str) -> list[Any]:
    out, said = io.StringIO(), io.StringIO()
    before = sys.argv, sys.stdin
    sys.argv, sys.stdin = [module, *args], io.StringIO(given)
    code: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code or 0
            if isinstance(code, str):
                print(code, file=sys.stderr)
                code = 1
        except BaseException:
            traceback.print_exc()
            code = 1
    sys.argv, sys.stdin = before
    return [code, out.getvalue(), said.getvalue()]


if __name__ == "__main__":
    _serve()
