"""Stands for alibi-detect's process where that is to fail: what a message says is what it does."""

import os
import sys
import time

from mlhops.alibi.sidecar.job import WorkerAnswer, framed, read, write

for body in iter(lambda: read(sys.stdin.buffer), None):
    match body.decode():
        case "hang":
            time.sleep(60)
        case "crash":
            os.abort()
        case "babble":
            sys.stdout.buffer.write(b"\xff" * 64)
            sys.stdout.buffer.flush()
        case "stop short":
            sys.stdout.buffer.write(framed(b"x" * 100)[:50])
            sys.stdout.buffer.flush()
            break
        case word:
            write(sys.stdout.buffer, WorkerAnswer(problem=word).model_dump_json().encode())
