"""Sample repositories, made on the spot: small datasets from the project's own texts, and small models trained on them.

`python -m workers.samples ROOT FOLDER` reads the texts below ROOT (a checkout of the project) and writes one folder a
repository below FOLDER, ready to be uploaded, and `sprout-tiny.early` with the first checkpoint of one of them.
"""
