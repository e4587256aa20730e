"""ChatApp: the long-poll chat of 2008, an application of ``pylons`` that waits through ``cogen``.

Laid out as Pylons laid applications out. Start reading at ``controllers/chat.py``, which is the
chat; ``config/middleware.py`` is the onion of layers around it; ``public/`` is the page.
"""
