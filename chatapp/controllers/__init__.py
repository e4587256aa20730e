"""The controllers: ``chat.py`` is the chat, ``error.py`` makes the error pages."""
