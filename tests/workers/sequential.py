"""The plain way: a pipeline that answers one prompt after the other. `python -m tests.workers.sequential FOLDER`.

Each line of input is a JSON list of [prompt, new tokens]; the answer is a line with the number of tokens that it made.
"""

import json
import sys

import torch
import transformers


def main(folder: str) -> None:
    """Answer lines until there are no more."""
    write = transformers.pipeline("text-generation", model=folder)
    torch.set_grad_enabled(False)
    print("ready", flush=True)
    for line in sys.stdin:
        made = 0
        for prompt, new in json.loads(line):
            (answer,) = write(prompt, max_new_tokens=new, do_sample=False, return_tensors=True)
            made += len(answer["generated_token_ids"]) - len(write.tokenizer(prompt)["input_ids"])
        print(made, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
