"""Telling people what happened: whom, why, and by which way."""
