"""Requests through the Gateway all the while, as a ward would send them, and whether any failed."""

import itertools
import threading
import time
from types import TracebackType
from typing import Self

import httpx
import pandas as pd

from lab.demo.train import FEATURES

PAUSE = 0.05


class Traffic:
    """Sends one person at a time, in a thread of its own, until told to stop."""

    def __init__(self, address: str, host: str, model: str, people: pd.DataFrame) -> None:
        # In random order, or the first minute would be of other people than the reference.
        complete = people.dropna(subset=FEATURES)[FEATURES].sample(frac=1, random_state=0)
        self._rows = complete.to_numpy(dtype=float).tolist()
        self._factors = dict.fromkeys(FEATURES, 1.0)
        self._url = f"http://{address}/v2/models/{model}/infer"
        self._headers = {"Host": host}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.answered = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def convert(self, feature: str, factor: float) -> None:
        """From now on a feature's values arrive in another unit."""
        self._factors = {**self._factors, feature: factor}

    def _run(self) -> None:
        with httpx.Client(headers=self._headers, timeout=10, trust_env=False) as client:
            for row in itertools.cycle(self._rows):
                if self._stop.is_set():
                    return
                factors = self._factors.values()
                self._send(client, [x * factor for x, factor in zip(row, factors, strict=True)])
                time.sleep(PAUSE)

    def _send(self, client: httpx.Client, row: list[float]) -> None:
        tensor = {"name": "input", "shape": [1, len(row)], "datatype": "FP64", "data": row}
        try:
            answer = client.post(self._url, json={"inputs": [tensor]})
        except httpx.HTTPError as error:
            self.failures.append(repr(error))
            return
        if answer.is_success and answer.json()["outputs"]:
            self.answered += 1
        else:
            self.failures.append(f"{answer.status_code} {answer.text[:200]}")
