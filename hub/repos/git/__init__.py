"""Git's formats over the object rows: reading trees, and writing commits."""
