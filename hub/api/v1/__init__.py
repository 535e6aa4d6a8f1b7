"""Our own REST API: one module per subject, its addresses in `urls.py`, what all of them share in `bodies.py` and
`paging.py`. Tokens only, snake_case, errors by `hub.api.errors`. People read about it in docs/api.md.
"""
