import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")
model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased", num_labels=2)

batch = tokenizer(["I loved this film.", "What a waste of time."], padding=True, truncation=True, return_tensors="pt")
with torch.no_grad():
    probabilities = model(**batch).logits.softmax(dim=-1)
print(probabilities.shape, probabilities.sum(dim=-1).tolist())
