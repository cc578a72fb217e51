"""`python -m campaign.witness --kubeconfig FILE` sees every version of every object, and judges what it saw.

It is a process of its own, started before the first operator, that talks to the API server alone: nothing that
happens to an operator, or to whoever plays with it, changes what it has seen. Questions are lines of JSON on
standard input, each answered by one line on standard output:

    {"namespace": "ward", "do": "judge"}   what is to be objected to, the gaps in the record included
    {"namespace": "ward", "do": "forget"}  that namespace is done with
    {"at": 7, "do": "set back"}            what was after that resourceVersion never was: etcd is being restored
"""

import argparse
import gzip
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict

import httpx

from campaign.history import WITNESSED, Recorder, Version
from campaign.judge import judge, judge_so_far
from testkit.connection import connect

_PATIENCE = 10.0


class Question(TypedDict, total=False):
    """What somebody wants to know of a namespace."""

    do: str
    namespace: str
    at: int
    keep: str
    """A file to write the history to, for `python -m campaign.witness --history`."""


class Testimony(TypedDict):
    """What a witness says."""

    objections: list[str]
    versions: int


class Witness:
    """Answers from a record that it makes sure is whole."""

    def __init__(self, recorder: Recorder, http: httpx.Client) -> None:
        self._recorder = recorder
        self._http = http
        self._earlier: dict[str, list[str]] = {}
        """Objections to what was before a restore, by namespace."""

    def answer(self, question: Question) -> Testimony:
        """Judge a namespace, or forget it, or what never was."""
        if question["do"] == "set back":
            for each in self._recorder.namespaces():
                objections = judge_so_far(self._recorder.history(each))
                self._earlier.setdefault(each, []).extend(objections)
            self._recorder.set_back(question["at"])
            return {"objections": [], "versions": 0}
        namespace = question["namespace"]
        if question["do"] == "forget":
            self._recorder.forget(namespace)
            self._earlier.pop(namespace, None)
            return {"objections": [], "versions": 0}
        whole = self._wait_until_whole(namespace)
        history = self._recorder.history(namespace)
        if question.get("keep"):
            write(history, Path(question["keep"]))
        objections = [f"the record has a gap: {gap}" for gap in self._recorder.gaps(namespace)]
        if not whole:
            objections.append("the record is not what the API server has")
        if not history:
            objections.append("nothing was seen")
        objections += self._earlier.get(namespace, [])
        return {"objections": objections + judge(history), "versions": len(history)}

    def _wait_until_whole(self, namespace: str) -> bool:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                if self._recorder.is_complete(namespace, self._http):
                    return True
            except httpx.HTTPError:
                pass  # the API server is away: a campaign may do that
            time.sleep(0.1)
        return False


def write(history: list[Version], to: Path) -> None:
    """Keep a history, so that it can be judged again."""
    with gzip.open(to, "wt") as lines:
        for version in history:
            lines.write(json.dumps(asdict(version)) + "\n")


def read(kept: Path) -> list[Version]:
    """A history that was kept."""
    with gzip.open(kept, "rt") as lines:
        return [Version(**json.loads(line)) for line in lines]


def main() -> None:
    """Answer until nobody asks any more."""
    parser = argparse.ArgumentParser(prog="python -m campaign.witness", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--kubeconfig", type=Path, help="watch this cluster, and answer")
    source.add_argument("--history", type=Path, help="judge a history that was kept, and end")
    options = parser.parse_args()
    if options.history:
        for objection in judge(read(options.history)):
            print(objection)
        return
    with Recorder(options.kubeconfig, WITNESSED) as recorder:
        witness = Witness(recorder, connect(options.kubeconfig))
        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            print(json.dumps(witness.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
