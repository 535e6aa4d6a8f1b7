"""The cards of the sample repositories. Braces are filled in: owner, and what the training measured."""

SPROUT = """\
---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
datasets: [{owner}/grove-handbook]
tags: [tiny, sample, llama]
widget:
- text: "A repository is"
- text: "The worker claims"
---

# sprout-tiny

A language model of about 1.5 million parameters, trained from nothing on the project's own handbook while this hub was
being set up. It is here so that you can see what a hub with something in it looks like.

## What it is good for

- Trying the demo: it answers at once on any machine.
- Seeing what an evaluation measures, and what a fine-tune changes.
- Nothing else. It has read about a hundred pages and knows nothing of the world.

## How it was made

| Part | As it is |
|---|---|
| Architecture | Llama, 4 layers, width 160, grouped attention |
| Tokenizer | byte-level BPE, 2,048 tokens, trained on the same text |
| Steps | batches of 16 rows of 96 tokens |
| Loss at the end | {loss} nats a token on its own training text (perplexity {perplexity}) |

The loss above is on text that it has seen. For a fair number, look at the evaluations.
"""

CHAT = """\
---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
base_model: {owner}/sprout-tiny
base_model_relation: finetune
datasets: [{owner}/grove-handbook]
tags: [tiny, sample, llama, conversational]
---

# sprout-tiny-chat

sprout-tiny, taught the shape of a conversation. It will answer, in the tone of a handbook, and what it says is rarely
true. Loss at the end of the tuning: {loss} nats a token.

The chat template has two roles, user and assistant; a system message is read as one more from the user.
"""

XINMIAO = """\
---
license: apache-2.0
language: zh
library_name: transformers
pipeline_tag: text-generation
datasets: [{owner}/grove-messages-zh]
tags: [tiny, sample, llama]
widget:
- text: "你可以"
- text: "这个模型"
---

# 新苗（xinmiao-tiny）

用本站的中文界面文字从零训练的极小语言模型，约七十三万参数。它只读过几千个字，所以只会说界面上的话。

- 可以用来试用演示，看看逐字生成的样子。
- 可以用来比较：同一份文字，不同的模型，困惑度差多少。
- 训练结束时的损失：每个词元 {loss} 奈特（训练集困惑度 {perplexity}）。
"""

MOOD = """\
---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-classification
datasets: [{owner}/short-opinions]
tags: [tiny, sample, sentiment]
widget:
- text: "The documentation is clear and helpful."
- text: "Honestly, this checkpoint broke after a minute."
---

# mood-tiny

Tells whether a short sentence about a model is kind or not. Two layers of DistilBERT, {accuracy} right on the test split of
short-opinions. Its sentences come from a fixed set of phrases, so expect less on anything that people really wrote.
"""

HANDBOOK = """\
---
license: apache-2.0
language: en
task_categories: [text-generation]
size_categories: [1K<n<10K]
pretty_name: The handbook
tags: [sample]
---

# The handbook

The project's documentation and the docstrings of its code, one passage a row: {train} for training, {test} for testing (every
tenth). Column: `text`.

```python
from datasets import load_dataset
load_dataset("{owner}/grove-handbook", split="test")
```
"""

MESSAGES = """\
---
license: apache-2.0
language: zh
task_categories: [text-generation]
size_categories: [n<1K]
pretty_name: 界面文字
tags: [sample]
---

# 界面文字

本站的中文界面文字，每行一条：训练 {train} 条，测试 {test} 条（每十条取一条）。列名是 `text`。要填入的内容一律写作“某个”。
"""

OPINIONS = """\
---
license: apache-2.0
language: en
task_categories: [text-classification]
size_categories: [1K<n<10K]
pretty_name: Short opinions
tags: [sample, sentiment]
---

# Short opinions

Sentences that praise or blame a model, put together from phrases: {train} for training, {test} for testing. Columns: `text`,
and `label`, which is positive or negative.
"""
