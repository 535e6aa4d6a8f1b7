"""Perplexity as one would compute it by hand with transformers, one window after the other, written apart from
`workers.evaluation`: `python -m tests.workers.by_hand FOLDER`, {"rows", "context", "stride", "max_tokens"} on its input."""

import json
import math
import sys


def main() -> None:
    """Print {"perplexity", "bits_per_byte", "nll", "tokens", "bytes"}."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    given = json.load(sys.stdin)
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
    text = "\n\n".join(row for row in given["rows"] if row is not None)
    encoded = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    ids, offsets = encoded.input_ids[:, : given["max_tokens"]], encoded.offset_mapping[0][: given["max_tokens"]]
    total, tokens, ends, before = 0.0, 0, [], 0
    for begin in range(0, ids.shape[1], given["stride"]):
        end = min(begin + given["context"], ids.shape[1])
        window, labels = ids[:, begin:end], ids[:, begin:end].clone()
        labels[:, : before - begin] = -100
        # Labels are shifted inside, so the first of a window never counts.
        counted = int((labels[:, 1:] != -100).sum())
        if counted:
            with torch.no_grad():
                total += float(model(window, labels=labels).loss) * counted
            tokens += counted
            ends += list(range(max(before, begin + 1), end))
        before = end
        if end == ids.shape[1]:
            break
    size = sum(len(text[int(offsets[n - 1][1]) : int(offsets[n][1])].encode()) for n in ends)
    mean = total / tokens
    answer = {
        "perplexity": math.exp(mean),
        "bits_per_byte": total / math.log(2) / size,
        "nll": mean,
        "tokens": tokens,
        "bytes": size,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
