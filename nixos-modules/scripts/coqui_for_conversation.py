"""Coqui's server, as a conversation needs it.

It listens on this machine alone: left to itself it listens on every address, and no argument changes that. And what is
said does not end up in its log.
"""

import importlib
import logging

from flask import Flask

listen = Flask.run


def listen_here(app: Flask, **options):
    for name in ("TTS", "werkzeug"):
        logging.getLogger(name).setLevel(logging.WARNING)
    listen(app, **options | {"host": "127.0.0.1"})


Flask.run = listen_here
# Reads the arguments and gets the model.
importlib.import_module("TTS.server.server").main()
