"""Perplexity of a model, measured in a confined child: `python -m workers.evaluation` (`__main__`) reads the text and its
tokens (`text`), loads the model (`model`) and scores it (`perplexity`).

What is measured, so that anybody can do it again (docs/evaluations.md says the same to people):

- The text: the values of one column in the order of the split, joined by an empty line ("\\n\\n"); rows without a value are
  left out. Rows are read until their text gives enough tokens.
- The tokens: what the repository's tokenizer makes of the text in one call, with the special tokens that it adds by itself. The
  first `max_tokens` of them are used.
- The windows: `context` tokens each, the next `stride` further on. Each window scores the tokens that the one before did not
  reach, each with all of the window before it as context. A token with nothing before it in its window is not scored: the
  text's first (which is the beginning-of-text token where the tokenizer adds one), and, with a stride as long as the
  context, the first of each window.
- NLL: the mean of -ln p over the scored tokens; token perplexity: exp(NLL); bits per byte: the sum of -ln p, in bits, over the
  UTF-8 bytes of the text that the scored tokens stand for. In 32-bit floats, summed in 64.
- The margin of bits per byte: 1.96 standard errors, the windows taken as draws that are independent of each other.
"""
