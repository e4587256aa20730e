"""Connect to a port again and again until the input ends; write the longest wait for an octet.

It is a process of its own, so that it waits for nothing but the accept that it measures.
"""

import select
import socket
import sys
import time


def main(port: int) -> None:
    longest = 0.0
    while not select.select([sys.stdin], [], [], 0.0005)[0]:
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.recv(1)
        longest = max(longest, time.perf_counter() - began)
    print(longest)


if __name__ == "__main__":
    main(int(sys.argv[1]))
