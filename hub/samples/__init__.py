"""Sample content, so that a first visitor sees a living hub: made by one command, removed by another."""
