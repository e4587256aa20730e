"""Coroutines without ``yield``: functions that run in greenlets of their own.

:mod:`cogen.magic.corolets` has the coroutines, :mod:`cogen.magic.socketlets`
sockets for them. They mix with generator coroutines, in one scheduler; each
costs a greenlet and its stack, which generators don't.
"""
