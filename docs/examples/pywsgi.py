"""Serve the chat of inline.ini with gevent.pywsgi."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402

from gevent.pywsgi import WSGIServer  # noqa: E402
from paste.deploy import loadapp  # noqa: E402

app = loadapp("config:inline.ini", relative_to=os.getcwd())
WSGIServer(("127.0.0.1", 5000), app).serve_forever()
