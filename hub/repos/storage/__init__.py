"""Keeping the store in order: what may go and when, what it holds for whom, how much that may be, and whether it is whole."""
