"""The demonstration's Python client: asks the server for some files' sizes.

CPython 3.11 fires function-entry only in threads that profile; hence sys.setprofile.
"""
import socket
import sys
import time


def fetch(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(sys.argv[1])
        s.sendall(path.encode() + b"\n")
        return int(s.recv(64))


def report(paths):
    return {path: fetch(path) for path in paths}


time.sleep(1)  # gives the tracer time to attach before the first call
sys.setprofile(lambda *event: None)
report(["/etc/passwd", "/etc/hostname", "/bin/sh"])
