"""What waiting and switching cost in the coroutine runtime, without a server.

``python -m benchmarks.runtime`` prints four tables, one module for each:

==============  ==========================================================================
``waiting``     an operation with a time-out while others wait
``switching``   switches per second, against asyncio, gevent and simpy
``memory``      what each coroutine that waits takes, against asyncio's tasks and greenlets
``publishing``  one message to N subscribers, and by how much others are late meanwhile
==============  ==========================================================================
"""
