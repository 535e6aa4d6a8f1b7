"""transformers: a model and its tokenizer pushed, loaded back, and used."""

from tests import live
from tests.clients.conftest import Client

# A tiny model with random weights, and a tokenizer that has learnt from this repository's own prose.
_MAKE = """
    import json, torch
    from pathlib import Path
    from tokenizers import ByteLevelBPETokenizer
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    bpe = ByteLevelBPETokenizer()
    bpe.train(["{prose}"], vocab_size=500, min_frequency=2, special_tokens=["<s>", "</s>", "<pad>"])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, bos_token_id=0, eos_token_id=1, pad_token_id=2,
    )
    model = LlamaForCausalLM(config).eval()
    repo = "{name}/grown"
    model.push_to_hub(repo)
    tokenizer.push_to_hub(repo)
    asked = tokenizer("A hub that anyone can run", return_tensors="pt")
    back = AutoModelForCausalLM.from_pretrained(repo).eval()
    words = AutoTokenizer.from_pretrained(repo)
    with torch.no_grad():
        same = torch.equal(model(**asked).logits, back(**words("A hub that anyone can run", return_tensors="pt")).logits)
    print(json.dumps([same, type(back).__name__, words.decode(asked["input_ids"][0])]))
"""
_USE = """
    import json
    from huggingface_hub import HfApi
    from transformers import pipeline
    repo = "{name}/grown"
    info = HfApi().model_info(repo)
    write = pipeline("text-generation", model=repo)
    text = write("A hub", max_new_tokens=5, do_sample=False)[0]["generated_text"]
    print(json.dumps([text, info.pipeline_tag, info.library_name, info.transformers_info.auto_model,
                      info.safetensors.total > 10000, info.config["architectures"]]))
"""


def test_model_is_pushed_and_loaded(ada: Client, bob: Client) -> None:
    prose = live.BASE / "README.md"
    same, kind, text = ada.python(_MAKE.format(prose=prose, name=ada.name))
    assert same
    assert kind == "LlamaForCausalLM"
    assert text.strip() == "A hub that anyone can run"
    # Somebody else, with nothing in their cache, and no account.
    generated, *facts = bob.python(_USE.format(name=ada.name), HF_TOKEN="")
    assert generated.startswith("A hub")
    assert facts == ["text-generation", "transformers", "AutoModelForCausalLM", True, ["LlamaForCausalLM"]]
