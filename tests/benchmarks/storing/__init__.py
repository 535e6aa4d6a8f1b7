"""What the benchmark of storage is made of: content, the tools that carry it, and the servers that it goes to."""
