"""Engines: one process for each loaded model, confined, that answers many requests at once.

The worker's side holds no torch: `pool.Pool` starts engines, keeps them in an LRU and speaks to them (`pool`, `engine`,
`estimate`). The engine's own side is the program `python -m workers.engines KIND` (`__main__`, `loading`, `causal`, `encoder`,
`prompts`, `choosing`, `text`), started by `workers.sandbox`.

Between them go JSON objects, a line each. To the engine: `{"do": "load", "folder", "dtype", "context", "kv_tokens"}` once,
then `{"do": "run", "id", "task", "inputs", "sampling", "top_k"}`, `{"do": "cancel", "id"}`, `{"do": "ping"}`. From it:
`{"loading": {"done", "total"}}`, `{"ready": {...}}` or `{"failed": Failure}`, then `{"events": [[id, event], ...]}` with the
events of `contracts.StreamEvent`, all that one step of the batch brought in one line; `{"pong": true}` and, to
`{"do": "count"}`, `{"count": tokens so far}`.
"""

from workers.contracts import Task

CAUSAL, CLASSIFIER, MASK = "causal", "classifier", "mask"
KINDS = {
    Task.TEXT_GENERATION: CAUSAL,
    Task.CHAT: CAUSAL,
    Task.TEXT_CLASSIFICATION: CLASSIFIER,
    Task.FILL_MASK: MASK,
}
