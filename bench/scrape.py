"""Many models with a policy, looked at all at once: `python -m bench.scrape --models 500`.

One detector, a real process, answers at loopback for the pods of all models: these serve the same version, so that its
revision, its rows and its profile are those of each. Thirty models without a policy tell how long passes
wait meanwhile. It ends within five minutes: what does not serve in time is not looked at, and a round is told of
as far as it came.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.fleet import Fleet, each, healthy_version, model
from bench.load import FEATURES
from bench.neighbours import Delays, Stream
from bench.plane import OwnPlane
from bench.results import Result
from bench.usage import Usage, peak, resident
from bench.watching import Watch
from lab.client import CONFIG_MAPS, Client, Object, Resource
from lab.control import free_ports
from lab.informer import Key
from mlhops.api.base import Json, Manifest
from mlhops.api.detector import DetectorBounds, DetectorConfig
from mlhops.api.evaluation import Evaluation
from mlhops.api.model import ClinicalModel
from mlhops.api.policy import MonitoringPolicy
from mlhops.api.profile import Profile
from mlhops.controller.resources import MODELS, POLICIES
from mlhops.json_access import text
from mlhops.kserve.detector import REPORT_PORT
from mlhops.rollout.evaluation import profiles
from mlhops.rollout.revisions.revision import revision_of
from testkit.builders import monitoring_policy, with_path
from testkit.evaluator_pod import profile_of
from testkit.fake_controllers import Hands
from testkit.sidecar import HOST, sidecar

MANY = 500
PLAIN = 30
CHANGES = 30
CHANGES_A_SECOND = 2.0
_EVENTS = 4_000
_ASIDE, _ANOTHER, _ALWAYS = "60m", "59m", "10s"
"""How often models are looked at: hardly, hardly as well so that all are at once, and as often as may be."""
_SECONDS_ASKED = 10.0
_LATE = 2.0
_MOST_MEMORY = 100.0
_PATIENCE = 100.0
_FILL_SECONDS = 120.0
"""What serves by then is measured."""
_ROUND_SECONDS = 45.0
_VERSION = "1.0.0"
_MODELS = Resource("mlhops.io", "v1alpha1", "clinicalmodels", "ClinicalModel")
_POLICIES = Resource("mlhops.io", "v1alpha1", "monitoringpolicies", "MonitoringPolicy")
_EVALUATIONS = Resource("mlhops.io", "v1alpha1", "evaluations", "Evaluation")
_WITHOUT = ("Insufficient", "NothingServes", "failed")
"""What a look comes to that has no verdict."""


@dataclass(frozen=True)
class Looks:
    """Looks up to one moment; a difference is what was looked at meanwhile."""

    at: float
    number: float
    seconds: float
    """Of all looks together."""
    without: float
    """Looks without a verdict."""

    def __sub__(self, before: "Looks") -> "Looks":
        return Looks(
            self.at - before.at,
            self.number - before.number,
            self.seconds - before.seconds,
            self.without - before.without,
        )


@dataclass(frozen=True)
class Scraped:
    """What looks at many models cost."""

    models: int
    round: Looks
    """All once, or as far as that came."""
    always: Looks
    """As often as the operator is able to."""
    before: Delays
    during: Delays
    rss: float
    """MiB of RSS with all models, before the first look with a profile."""
    later: float
    highest: float
    detector: float
    """Percent of one core that the detector took, which answers for all pods."""


def scrape(models: int = MANY, changes: int = CHANGES) -> Scraped:
    """Measure on a control plane of its own."""
    with ExitStack() as stack:
        plane = stack.enter_context(OwnPlane.with_kinds())
        hands = stack.enter_context(plane.namespace())
        page, health = free_ports(2)
        ports = (f"--metrics-port={page}", f"--health-port={health}", f"--health-address={HOST}")
        operator = stack.enter_context(plane.operator(arguments=ports))
        plane.wait_for_operator()
        ward = Ward(plane, hands, models)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        detector = stack.enter_context(
            sidecar(folder, ward.configuration, ward.profile, reports=REPORT_PORT)
        )
        _fill(detector.sink)
        with plane.world(address=HOST):
            asyncio.run(ward.begin())
        rss = resident(operator.pid)
        asyncio.run(ward.profile_all())
        watch = Watch(plane.kubeconfig, MODELS, hands.namespace)
        pids = {"operator": operator.pid, "detector": detector.process.pid, **plane.pids()}
        stream = Stream(hands.api, watch, ward.plain, pids)
        stream.run(PLAIN, 2 * CHANGES_A_SECOND)  # each change from here on supersedes one
        before = stream.run(changes, CHANGES_A_SECOND)
        once = _round(ward, page)
        ward.look(_ALWAYS)
        begun, usage = _looks(page), Usage.now(pids)
        during = stream.run(changes, CHANGES_A_SECOND)
        always, used = _looks(page) - begun, Usage.now(pids) - usage
        return Scraped(
            len(ward.watched),
            once,
            always,
            before,
            during,
            rss,
            resident(operator.pid),
            peak(operator.pid),
            round(100 * used.cpu["detector"] / used.at, 1),
        )


class Ward:
    """Models that serve the same under one policy, and some that nobody watches."""

    def __init__(self, plane: OwnPlane, hands: Hands, models: int) -> None:
        self._kubeconfig, self._hands = plane.kubeconfig, hands
        self.watched = [Key(hands.namespace, f"watched-{n:04d}") for n in range(models)]
        self.plain = [Key(hands.namespace, f"plain-{n:02d}") for n in range(PLAIN)]
        pattern = ClinicalModel.model_validate(_watched(self.watched[0]))
        self.revision = revision_of(pattern.spec)
        policy = MonitoringPolicy.model_validate(monitoring_policy())
        # Each pod has a detector of its own elsewhere; this one has the connections of all.
        bounds = DetectorBounds(connections=2 * models + 64)
        self.configuration = DetectorConfig(
            revision=self.revision,
            features=pattern.spec.interface.features,
            output=pattern.spec.interface.output,
            windows=policy.spec.drift.windows,
            bounds=bounds,
        )
        spec: Manifest = {"interface": pattern.spec.interface.to_json(), "revision": self.revision}
        self.profile: Profile = profile_of(spec, rows=5_000)

    async def begin(self) -> None:
        """Create all, and wait until all serve."""
        policy = monitoring_policy({"spec.drift": {"every": _ASIDE}})
        async with (
            Client(self._kubeconfig) as client,
            Fleet.followed(self._kubeconfig, self.plain, steps=[]) as fleet,
        ):
            await client.create(_POLICIES, policy, namespace=self._hands.namespace)
            if (await fleet.deploy(_VERSION, _PATIENCE)).arrived < len(self.plain):
                raise RuntimeError("not all models were ever healthy")

            async def create(key: Key) -> None:
                await client.create(_MODELS, _watched(key), namespace=key.namespace)

            await each(self.watched, create)
            await self._wait(client)

    async def _wait(self, client: Client) -> None:
        """Wait for all, and leave out what does not serve in time."""
        until_then = time.monotonic() + _FILL_SECONDS
        while True:
            listed = (await client.list(_MODELS, self._hands.namespace))["items"]
            live = [one for one in listed if healthy_version(one) == _VERSION]
            if len(live) == len(listed) or time.monotonic() > until_then:
                break
            await asyncio.sleep(5)
        there = {text(one, "metadata", "name") for one in live}
        self.watched = [key for key in self.watched if key.name in there]
        revisions = {text(one, "status", "stable", "revision") for one in self._of(live)}
        if revisions != {self.revision}:
            raise RuntimeError(f"not all serve {self.revision}: {revisions}")

    def _of(self, live: Sequence[Object]) -> Iterator[Object]:
        names = {key.name for key in self.watched}
        return (one for one in live if text(one, "metadata", "name") in names)

    async def profile_all(self) -> None:
        """Give each revision its profile, as its Evaluation would have signed and the operator kept it."""
        async with Client(self._kubeconfig) as client:
            namespace = self._hands.namespace
            models = {
                text(one, "metadata", "name"): ClinicalModel.model_validate(one)
                for one in self._of((await client.list(_MODELS, namespace))["items"])
            }
            found = (await client.list(_EVALUATIONS, namespace))["items"]
            evaluations = {
                one.spec.model: one
                for one in map(Evaluation.model_validate, found)
                if one.spec.model in models
            }

            async def give(key: Key) -> None:
                evaluation = evaluations[key.name]
                signed: Object = {"profile": {"digest": self.profile.digest(), "error": None}}
                name = evaluation.metadata.name
                body: Object = {"status": signed}
                await client.patch(_EVALUATIONS, namespace, name, body, sub="status")
                made = profiles.render(self.profile, evaluation, models[key.name], "bench")
                await client.create(CONFIG_MAPS, made, namespace=namespace)

            await each(self.watched, give)

    def look(self, every: str) -> None:
        """Have all models looked at within two seconds, and so often from then on."""
        drift: Manifest = {"spec": {"drift": {"every": every}}}
        self._hands.api.patch(POLICIES, self._hands.namespace, "ward", drift)


def _watched(key: Key) -> Manifest:
    """A model under the policy: all of them serve the same."""
    made = model(key, _VERSION, {"steps": []})
    changes: dict[str, Json] = {
        "spec.predictor.storageUri": f"s3://models/watched/{_VERSION}",
        "spec.interface.features": [{"name": name} for name in FEATURES],
        "spec.monitoring": {"policyRef": {"name": "ward"}},
    }
    for path, value in changes.items():
        made = with_path(made, path, value)
    return made


def _fill(sink: int) -> None:
    """Post rows and scores, so that the tests have something to test."""
    command = [sys.executable, "-m", "bench.load", "--port", str(sink), "--events", str(_EVENTS)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _round(ward: Ward, page: int) -> Looks:
    """Have all models looked at, and wait until that is done, or for as long as a round may take."""
    begun = _looks(page)
    ward.look(_ANOTHER)
    while True:
        found = _looks(page) - begun
        if found.number >= len(ward.watched) or found.at > _ROUND_SECONDS:
            return found
        time.sleep(0.1)


def _looks(page: int) -> Looks:
    """Read the operator's own counters."""
    found = httpx.get(f"http://{HOST}:{page}/metrics", trust_env=False, timeout=30)
    number = without = seconds = 0.0
    for family in text_string_to_metric_families(found.raise_for_status().text):
        for sample in family.samples:
            if sample.name == "mlhops_looks_total":
                number += sample.value
                without += sample.value * (sample.labels["verdict"] in _WITHOUT)
            elif sample.name == "mlhops_look_duration_seconds_sum":
                seconds += sample.value
    return Looks(time.monotonic(), number, seconds, without)


def results(found: Scraped) -> list[Result]:
    """Return how long looks take and passes wait, and the memory."""
    what = f"{found.models} models with a policy"
    again = found.models * found.always.at / max(found.always.number, 1)
    whole = found.round.at * found.models / max(found.round.number, 1)
    return [
        Result(
            f"{what}, all looked at once",
            round(max(whole, found.round.at), 1),
            "s",
            note=f"{found.round.number:g} looks in {found.round.at:.1f} s",
        ),
        Result(
            f"{what}, one look in that round, mean",
            round(1000 * found.round.seconds / max(found.round.number, 1), 1),
            "ms",
        ),
        Result(
            f"{what}, looks without a verdict",
            found.round.without + found.always.without,
            "",
            0,
        ),
        Result(
            f"{what}, from one look to the next where {_SECONDS_ASKED:g} s are asked",
            round(again, 1),
            "s",
        ),
        *_told(found.before, f"{what}, hardly ever looked at"),
        *_told(found.during, f"{what}, looked at all the time", _LATE),
        Result(f"{what}, operator RSS before the first profile", found.rss, "MiB"),
        Result(
            f"{what}, operator RSS after",
            round(found.later - found.rss, 1),
            "MiB more",
            _MOST_MEMORY,
        ),
        Result(f"{what}, operator RSS, highest", found.highest, "MiB"),
        Result(f"{what}, the detector for all", found.detector, "% of one core"),
    ]


def _told(delays: Delays, where: str, most: float | None = None) -> list[Result]:
    change = f"{where}, change of another model to first write"
    return [
        Result(f"{change}, p50", round(delays.p50, 3), "s"),
        Result(
            f"{change}, slowest of {len(delays.seconds)}", round(max(delays.seconds), 3), "s", most
        ),
        Result(f"{where}, all cores in use", delays.busy, "%"),
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scrape", description=__doc__)
    parser.add_argument("--models", type=int, default=MANY)
    parser.add_argument("--changes", type=int, default=CHANGES)
    options = parser.parse_args()
    for result in results(scrape(options.models, options.changes)):
        print(f"{result.name}: {result.value:g} {result.unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
