from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

generator = pipeline("text-generation", model="gpt2")
print(generator("Hello, I'm a language model,", max_new_tokens=10, num_return_sequences=1)[0]["generated_text"])

tokenizer = AutoTokenizer.from_pretrained("gpt2")
model = AutoModelForCausalLM.from_pretrained("gpt2")
inputs = tokenizer("Replace me by any text you'd like.", return_tensors="pt")
outputs = model.generate(**inputs, max_new_tokens=10)
print(tokenizer.batch_decode(outputs, skip_special_tokens=True)[0])
