"""The HTTP/WSGI server whose applications can wait without holding a thread or a greenlet.

Read :mod:`cogen.web.wsgi` for the server, :mod:`cogen.web.exchange` for the life of one request,
:mod:`cogen.web.async_` for what the application finds in environ.
"""
