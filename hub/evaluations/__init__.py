"""Evaluations: a model measured on a dataset by a worker, the result kept with all it depends on, and leaderboards."""
