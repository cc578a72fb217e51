"""Asks the witness, which is a process of its own (`campaign.witness`)."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import cast

from campaign.witness import Question, Testimony
from lab.cache import REPOSITORY

_END_SECONDS = 10.0


class Hearing:
    """A witness to all that happens on a cluster from now on."""

    def __init__(self, kubeconfig: Path, log: Path, keep: Path | None = None) -> None:
        self._log = log
        self._keep = keep
        self._lock = threading.Lock()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "campaign.witness", "--kubeconfig", str(kubeconfig)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=REPOSITORY,
                text=True,
            )

        self._read()  # it says that it sees everything

    def close(self) -> None:
        """End the witness."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def objections(self, namespace: str) -> list[str]:
        """All that was wrong in a namespace so far; it is forgotten afterwards."""
        question: Question = {"do": "judge", "namespace": namespace}
        if self._keep is not None:
            question["keep"] = str(self._keep / f"{namespace}.jsonl.gz")
        said = self._ask(question)["objections"]
        self._ask({"do": "forget", "namespace": namespace})
        return said

    def set_back(self, at: int) -> None:
        """What was after a resourceVersion never was: etcd is being restored."""
        self._ask({"do": "set back", "at": at})

    def _ask(self, question: Question) -> Testimony:
        with self._lock:
            if self._process.stdin is None:
                raise RuntimeError("the witness was never there")
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            return cast(Testimony, json.loads(self._read()))

    def _read(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError(f"the witness is gone:\n{self._log.read_text()[-2000:]}")
        return line
