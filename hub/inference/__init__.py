"""Demos: what a model can be asked, asking it, and reading its answer as it comes."""
