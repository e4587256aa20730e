"""The coroutine runtime.

A coroutine is a generator that yields *operations*; the scheduler resumes it
with the outcome when the operation has finished::

    @coro
    def echo(conn):
        while True:
            data = yield conn.recv(4096)
            yield conn.sendall(data)

The life of an operation::

    +----------------------------+
    | @coro                      |
    | def foo():                 |
    |     ...                    |       op.process(sched, coro)
    |  +-> result = yield op ----|-------------+------------------+
    |  |   ...                   |             |                  |
    +--|-------------------------+     it is complete      it can't complete yet
       |                                       |                  |
    op.finalize(sched),                        |         sched.wait(op, coro):
    sent into the generator                    |         the timer runs, the op is in
       |                                       |         some queue, watcher or registry
    coro.run_op(op, sched)                     |                  |
       |                                       |          +-------+----------+
       +------------------<--------------------+          |       |          |
       |                                              sched.wake  |    sched.cancel
    the pair is taken from sched.active                   |  its time is   |
       |                                                  |   over: it  op.cleanup,
       +------------------<-------------------------------+  is undone,  the coroutine
       |                                                     and raises  is told nothing
       +------------------<------------------------------- OperationTimeout   more

* ``events`` has the base classes, and Sleep, Signal, WaitForSignal, AddCoro, Join
* ``coroutines`` has the decorator and what steps a generator
* ``queue``, ``pubsub``, ``pipe``, ``sockets``, ``threads`` have more operations
* ``schedulers`` has the loop

A module imports only from those above its own line.
"""
