"""What transformers itself says, to compare with: `python -m tests.workers.reference FOLDER`, in the worker's environment.

Reads a JSON list of questions and prints the list of answers. A question is one of
{"greedy": prompt, "new"}, {"beams": prompt, "new", "number"}, {"chat": messages, "new"}: the continuations;
{"first": prompt, "temperature", "top_k", "top_p"}: the distribution of the first token's text;
{"labels": text}, {"fill": text}: what the pipelines say.
"""

import json
import sys
from typing import Any

import torch
import transformers


def main(folder: str) -> None:
    """Answer all questions about one model."""
    print(json.dumps([answer(folder, question) for question in json.load(sys.stdin)]))


def answer(folder: str, question: dict[str, Any]) -> Any:
    if "labels" in question:
        return transformers.pipeline("text-classification", model=folder)(question["labels"], top_k=None)
    if "fill" in question:
        return transformers.pipeline("fill-mask", model=folder)(question["fill"], top_k=5)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    if "chat" in question:
        text = tokenizer.apply_chat_template(question["chat"], tokenize=False, add_generation_prompt=True)
        prompt = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    else:
        prompt = tokenizer(next(iter(question.values())), return_tensors="pt")["input_ids"]
    if "first" in question:
        with torch.no_grad():
            logits = model(prompt).logits[0, -1] / question["temperature"]
        shares, tokens = torch.softmax(logits, -1).sort(descending=True)
        shares = torch.where(torch.arange(len(shares)) < question["top_k"], shares, 0)
        shares = shares / shares.sum()
        shares = torch.where(shares.cumsum(0) - shares < question["top_p"], shares, 0)
        shares = shares / shares.sum()
        return [
            [tokenizer.decode([token], skip_special_tokens=True), share]
            for token, share in zip(tokens.tolist(), shares.tolist(), strict=True)
            if share
        ]
    beams = (
        {"num_beams": 4, "num_return_sequences": question["number"], "early_stopping": True}
        if "beams" in question
        else {}
    )
    rows = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=question["new"],
        do_sample=False,
        pad_token_id=2,
        **beams,
    )
    before = tokenizer.decode(prompt[0], skip_special_tokens=True)
    return [tokenizer.decode(row, skip_special_tokens=True)[len(before) :] for row in rows]


if __name__ == "__main__":
    main(sys.argv[1])
