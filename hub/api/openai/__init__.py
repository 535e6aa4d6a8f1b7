"""Asking models over HTTP: the OpenAI calls below `/v1/`, and the task calls below `/models/{owner}/{name}`."""
