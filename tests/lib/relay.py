#!/usr/bin/python3
"""relay: relay.py COUNT-FILE TO-HOST:PORT [LISTEN-HOST:PORT] - a path's cable, to be cut.

Forwards TCP connections, prints where it listens (a free port of 127.0.0.1 unless told), and keeps
the number of bytes that it has carried, both ways together, in COUNT-FILE.  It ends by any signal,
and its connections with it: the path is cut.  Stopped (SIGSTOP) it is mute: connections stay and
nothing comes through.
"""
import os
import socket
import sys
import threading

CHUNK = 256 * 1024


class Counter:
    """Bytes carried, as text of a fixed length in a file."""

    def __init__(self, file):
        self.fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self.lock = threading.Lock()
        self.total = 0
        self.add(0)

    def add(self, n):
        with self.lock:
            self.total += n
            os.pwrite(self.fd, b"%020d\n" % self.total, 0)


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def carry(source, sink, counter):
    """Until either end is closed; then both are."""
    buffer = memoryview(bytearray(CHUNK))
    try:
        while n := source.recv_into(buffer):
            sink.sendall(buffer[:n])
            counter.add(n)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(near, to, counter):
    try:
        far = socket.create_connection(to)
    except OSError:
        near.close()
        return
    for end in (near, far):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=carry, args=(far, near, counter), daemon=True)
    back.start()
    carry(near, far, counter)
    back.join()
    near.close()
    far.close()


def main():
    counter, to = Counter(sys.argv[1]), address(sys.argv[2])
    listener = socket.create_server(address(sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1:0"))
    print("%s:%d" % listener.getsockname(), flush=True)
    while True:
        near, _ = listener.accept()
        threading.Thread(target=serve, args=(near, to, counter), daemon=True).start()


main()
