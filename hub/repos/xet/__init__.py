"""The Xet content store: chunked, deduplicated large files.

Formats and duties follow the public Xet specification 1.1.0 (huggingface.co/docs/xet). The modules
``hashing``, ``chunks``, ``xorb`` and ``shard`` are the codec: pure functions that know no database.
``services`` writes, ``reading`` plans and streams content, ``dedup`` answers "is this chunk known?",
``tokens`` signs who may do what, and for how long.
"""
