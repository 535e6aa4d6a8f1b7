"""The engine's process: `python -m workers.engines KIND`, started by the pool, confined.

What it is told and what it says: see the package.
"""

import os
import sys
from pathlib import Path
from typing import Any

from workers import channel
from workers.contracts import Failure, FailureCode
from workers.engines import CAUSAL
from workers.refusals import Refused


def main(kind: str) -> None:
    """Load the model, then answer until the worker goes away."""
    line = channel.inherited()
    order = line.receive()
    if order is None or order["do"] != "load":
        raise SystemExit("the first order is to load")
    line.send({"loading": {"done": 0, "total": 0}})
    try:
        engine = _engine(line, kind, order)
    except Refused as refused:
        line.send({"failed": refused.failure.to_json()})
        return
    line.send({"ready": engine.facts()})
    while True:
        order = line.receive(1)
        if not engine.alive():
            print("the batch ended", file=sys.stderr)
            return
        if order is None:
            continue
        if order["do"] == "run":
            try:
                engine.run(order)
            except Refused as refused:
                line.send({"events": [[order["id"], {"type": "failed", **refused.failure.to_json()}]]})
            except Exception as error:
                print(repr(error)[:300], file=sys.stderr)
                failure = Failure(FailureCode.BROKEN_MODEL, {"detail": type(error).__name__})
                line.send({"events": [[order["id"], {"type": "failed", **failure.to_json()}]]})
        elif order["do"] == "cancel":
            engine.cancel(order["id"])
        elif order["do"] == "ping":
            line.send({"pong": True})
        elif order["do"] == "count":
            line.send({"count": engine.computed})


def _engine(line: channel.Channel, kind: str, order: dict[str, Any]) -> Any:
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.set_grad_enabled(False)
    from workers.engines import loading

    told = (-1, -1)

    def tell(done: int, total: int) -> None:
        nonlocal told
        if (done, total) != told:
            told = (done, total)
            line.send({"loading": {"done": done, "total": total}})

    loaded = loading.load(Path(order["folder"]), kind, order["dtype"], tell)
    loaded.context = min(loaded.context, order["context"])
    if kind == CAUSAL:
        from workers.engines.causal import CausalEngine

        return CausalEngine(line, loaded, order["kv_tokens"])
    from workers.engines.encoder import EncoderEngine

    return EncoderEngine(line, loaded, kind)


if __name__ == "__main__":
    code = 0
    try:
        main(sys.argv[1])
    except channel.ChannelClosed:
        pass  # The worker is gone, and nobody is left to speak to.
    except BaseException as error:
        print(f"{type(error).__name__}: {error}"[:300], file=sys.stderr)
        code = 1
    # Threads of the batch would keep an ordinary exit waiting.
    sys.stderr.flush()
    os._exit(code)
