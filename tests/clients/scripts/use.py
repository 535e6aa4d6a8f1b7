import sys

from transformers import pipeline

classifier = pipeline("sentiment-analysis", model=f"{sys.argv[1]}/my_awesome_model")
print(
    classifier("This was a masterpiece. Not completely faithful to the books, but enthralling from beginning to end.")
)
