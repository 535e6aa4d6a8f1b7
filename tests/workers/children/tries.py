"""A confined child for tests: evaluates the Python that it is sent and says what came of it, until nobody asks any more."""

from workers import channel

line = channel.inherited()
names: dict[str, object] = {}
while True:
    try:
        asked = line.receive()
    except channel.ChannelClosed:
        break
    try:
        exec("import os, socket, subprocess, sys, threading\nfrom pathlib import Path", names)  # noqa: S102
        line.send({"value": eval(asked["code"], names)})  # noqa: S307
    except BaseException as error:
        line.send({"error": type(error).__name__})
