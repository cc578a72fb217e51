"""One simulated history: chaos drawn from a seed, then rest, then one more version that must get through."""

import hashlib
import json
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from campaign.simulation.actors.answers import Answers
from campaign.simulation.actors.board import Board
from campaign.simulation.actors.collector import Collector
from campaign.simulation.actors.evaluator import Evaluator
from campaign.simulation.actors.gateway import Gateway
from campaign.simulation.actors.kserve import KServe
from campaign.simulation.actors.looks import Looks
from campaign.simulation.actors.others import Others
from campaign.simulation.actors.stage import MODEL, Stage
from campaign.simulation.actors.users import VERSIONS, Users
from campaign.simulation.client import Pass
from campaign.simulation.ending import (
    is_leaving,
    problems_at_rest,
    problems_of_last_wish,
    problems_while_held,
)
from campaign.simulation.faulty_transport import KILLS, Fate, Faults
from campaign.simulation.operator import Process, moment
from campaign.simulation.oracle import Court
from campaign.simulation.server import KINDS, NAMESPACE, Backup, Server
from campaign.simulation.watches import Watches
from mlhops.controller.resources import MODEL as MODEL_KIND
from mlhops.controller.resources import MODELS, Key
from mlhops.kserve.names import FIELD_MANAGER

STEPS = 2000
"""Scheduled actions of chaos in an episode; rest comes after them."""
_TOLD = 40
_REST_SECONDS = 1000.0
_QUIET_SECONDS = 700.0
"""Longer than the operator goes without looking at a model."""
_MOST_AT_REST = 6000
_WRITES_PER_EVENT = 12
_SPARE_WRITES = 60
_EACH, _ONE = 5, 2
"""Of so many episodes in a row, in this one the API server is set back to a backup."""
_BUMPED = 0.3
"""So many of these restores go on with higher resourceVersions."""
_EVENTS_OF_RESTORE = 20


@dataclass
class Outcome:
    """How an episode went."""

    episode: int
    steps: int = 0
    findings: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    """The latest actions before the finding."""
    trace: str = ""
    """A hash of all actions in their order."""
    races: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    """How often something happened that makes an episode worth its time."""


class Found(Exception):
    """Something is wrong: the episode ends here."""


class Restores:
    """When backups are made and restored, drawn by dice of their own, so that other episodes play as without."""

    def __init__(self, seed: int, number: int, steps: int) -> None:
        self._rng = random.Random(f"{seed}:{number}:restores")
        times = range(1, steps) if number % _EACH == _ONE else ()
        due = sorted(self._rng.sample(times, min(4, len(times))))
        self._backups, self._restores = due[::2], due[1::2]
        self._kept: tuple[Backup, frozenset[str], dict[tuple[str, str], int]] | None = None

    def is_backup_due(self, step: int) -> bool:
        """Whether it is time for a backup."""
        return bool(self._backups) and step >= self._backups[0]

    def is_restore_due(self, step: int) -> bool:
        """Whether it is time to restore the latest backup."""
        return not self.is_backup_due(step) and bool(self._restores) and step >= self._restores[0]

    def keep(self, of: "Episode") -> None:
        """Make a backup of what there is, and of what is known to be true of it."""
        self._backups.pop(0)
        self._kept = of.server.backup(), frozenset(of.evaluator.successes), dict(of.told)

    def restore(self, of: "Episode") -> str:
        """Put the latest backup in the place of what there is."""
        self._restores.pop(0)
        assert self._kept is not None
        backup, successes, told = self._kept
        bump = self._rng.randrange(1, 1000) if self._rng.random() < _BUMPED else 0
        was = of.server.at
        of.server.restore(backup, bump)
        of.evaluator.successes &= successes
        of.told.clear()
        of.told.update(told)
        return f"restored from {was} to {backup.at}, and goes on from {of.server.at}"


class Episode:
    """Everything that happens follows from the seed and the number."""

    def __init__(self, seed: int, number: int, steps: int = STEPS) -> None:
        self._steps = steps
        self.rng = random.Random(f"{seed}:{number}")  # a text is hashed the same in every process
        self.outcome = Outcome(number)
        self._hash = hashlib.blake2b(digest_size=16)
        self._told: deque[str] = deque(maxlen=_TOLD)
        self._events = 0
        self._writes = 0
        self.server = Server(lambda: moment(self.operator.loop.time()))
        self._tune()
        stage = Stage(
            self.server, self.rng, lambda: moment(self.operator.loop.time()), self._trouble
        )
        self.evaluator, self.collector = Evaluator(stage), Collector(stage)
        self.told: dict[tuple[str, str], int] = {}
        """The most good answers that were told of a step of a revision."""
        self.answers = Answers(stage, self._note_answers)
        self.watches = Watches(self.server, self.rng)
        self.operator = self._start(0.0)
        self.stage = stage
        self.restores = Restores(seed, number, steps)
        self.users, self.others = Users(stage), Others(stage)
        self.board = Board(stage, seed, number)
        self.kserve, self.gateway = KServe(stage), Gateway(stage)
        self.looks = Looks(stage)
        self.court = Court(self.server, self.evaluator.successes, self.told)
        self._actions: dict[str, Callable[[], str]] = {
            "operator": self._request,
            "watch": lambda: self.watches.tell(self.operator),
            "kserve": self.kserve.act,
            "gateway": self.gateway.act,
            "evaluator": self.evaluator.act,
            "collector": self.collector.act,
            "user": self.users.act,
            "others": self.others.act,
            "look": self._look_at_model,
            "answers": self._other_answers,
            "uninstall": self._uninstall,
            "time": lambda: self._pass_time(self.rng.choice((0.05, 0.3, 1.0, 5.0))),
            "leap": self._leap,
            "kill": self._kill,
            "gap": self._gap,
            "lose": self.watches.lose,
            "freeze": self.watches.freeze,
            "forbid": self._forbid,
        }

    def _tune(self) -> None:
        """Draw what this episode is about: most have few sorts of trouble, and much of each."""
        rng = self.rng

        def some(probability: float, weight: float) -> float:
            return weight * rng.uniform(0.3, 1.7) if rng.random() < probability else 0.0

        self._workers = rng.choice((1, 2, 3))
        self._trouble = rng.choice((0.0, 0.02, 0.1, 0.4))
        fates = frozenset(fate for fate in Fate if rng.random() < 0.6)
        stormy = rng.random() < 0.6
        self._faults = Faults(
            reads=rng.choice((0.0, 0.01, 0.05)) if stormy else 0.0,
            writes=rng.choice((0.02, 0.1, 0.3)) if stormy else 0.0,
            fates=fates,
        )
        weights: dict[str, float] = {
            "operator": 10.0 * rng.uniform(0.5, 3.0),
            "watch": 5.0 * rng.uniform(0.2, 2.0),
            "kserve": 2.0 * rng.uniform(0.2, 2.0),
            "gateway": 2.0 * rng.uniform(0.2, 2.0),
            "evaluator": 3.0 * rng.uniform(0.2, 2.0),
            "collector": 0.5 * rng.uniform(0.05, 2.0),
            "user": 0.5 * 10 ** rng.uniform(-1.2, 0.2),
            "time": 1.0 * rng.uniform(0.2, 2.0),
            "leap": some(0.7, 0.05),
            "others": some(0.5, 0.15),
            "look": some(0.6, 1.0),
            "answers": some(0.6, 0.5),
            "uninstall": some(0.1, 0.05),
            "kill": some(0.3, 0.05),
            "gap": some(0.3, 0.1),
            "lose": some(0.3, 0.2),
            "freeze": some(0.3, 0.1),
            "forbid": some(0.1, 0.05),
        }
        self._acts = [name for name, weight in weights.items() if weight]
        self._weights = [weights[name] for name in self._acts]

    # the run

    def run(self) -> Outcome:
        """Run it to its end, or to the first thing that is wrong."""
        state = random.getstate()
        random.seed(self.rng.random())  # the queue's jitter is drawn from the common dice
        try:
            self._play()
        except Found:
            self.outcome.actions = list(self._told)
        finally:
            random.setstate(state)
        self.outcome.races = self.court.races
        for kind in KINDS.values():
            self._hash.update(json.dumps(self.server.view(kind)).encode())
        self.outcome.trace = self._hash.hexdigest()
        return self.outcome

    def _play(self) -> None:
        self.operator = self._start(0.0)
        self._begin()
        while self.outcome.steps < self._steps:
            if self.restores.is_backup_due(self.outcome.steps):
                self.restores.keep(self)
            elif self.restores.is_restore_due(self.outcome.steps):
                self._did(self._restore())
            elif self.board.is_due(self.outcome.steps):
                self._did(self.board.act())
            else:
                self._one_of_chaos()
        if is_leaving(self.server):
            self._rest("rest while the model is held", problems_while_held, holds=True)
        self._rest("rest after chaos", problems_at_rest)
        self._wish()
        self._rest("rest after the last version", problems_of_last_wish)

    def _start(self, now: float) -> Process:
        started = Process(
            self.server,
            self.rng,
            now,
            self._workers,
            self.evaluator.answer,
            lambda seen: self.answers.look(seen),
        )
        started.front.faults = self._faults
        started.hearing.restored.subscribe(self.watches.begin_all_anew)
        started.loop.drain()
        return started

    def _begin(self) -> None:
        self._did(self.gateway.put_right())
        self._did(self.users.begin())
        if self.rng.random() < 0.5:
            self._settle()

    def _settle(self) -> None:
        """Before trouble begins, one version comes to serve, and then another: there is a way back."""
        for version in self.rng.sample(VERSIONS, 2):
            self._did(self.users.wish(version, "1h"))
            self._rest("rest before chaos", problems_at_rest)
        self.stage.trouble = self._trouble
        self.operator.front.faults = self._faults
        self.answers.well = False

    def _one_of_chaos(self) -> None:
        for act in self.rng.choices(self._acts, self._weights, k=8):
            done = self._act(act)
            if done:
                self._did(done)
                return
        self._did(self._pass_time(self.rng.uniform(0.5, 20.0)))

    def _act(self, act: str) -> str:
        return self._actions[act]()

    def _look_at_model(self) -> str:
        """There is news of what pods have counted."""
        look = self.looks.look()
        if look is None:
            return ""
        self.operator.newest = look
        self.operator.hearing.add(Key(MODEL_KIND, NAMESPACE, MODEL))
        self.operator.loop.drain()
        self._events += 1
        found = look.stable.verdict if look.stable else ""
        return f"a look finds {found}, of the candidate {look.compared_verdict}"

    def _other_answers(self) -> str:
        """Sidecars count something else from now on."""
        done = self.answers.change()
        self.operator.hearing.add(Key(MODEL_KIND, NAMESPACE, MODEL))
        self.operator.loop.drain()
        self._events += 1
        return done

    def _note_answers(self, revision: str, step: str, answered: int) -> None:
        self.told[revision, step] = max(self.told.get((revision, step), 0), answered)

    def _leap(self) -> str:
        """Much time passes, though not while a request is under way."""
        busy = self.operator.is_busy
        return "" if busy else self._pass_time(self.rng.choice((30.0, 120.0, 900.0)))

    def _kill(self) -> str:
        self.outcome.reached["killed"] += 1
        self._restart()
        return "killed"

    def _did(self, action: str) -> None:
        """Take note of an action, and look at what follows from it."""
        if not action:
            return
        self.outcome.steps += 1
        self._told.append(f"{self.operator.loop.time():10.2f} {action}")
        self._hash.update(f"{action} {self.server.at}".encode())
        self._look(None)

    def _look(self, by: Pass | None) -> None:
        for one in self.watches.collect():
            if one.author != FIELD_MANAGER:
                self._events += 1
            else:
                self._writes += 1
        self.court.see(by, by.planned if by is not None else None)
        findings = self.court.findings + self.operator.unexpected
        if self._writes > _SPARE_WRITES + _WRITES_PER_EVENT * self._events:
            findings.append(f"{self._writes} writes for {self._events} events")
        if findings:
            self.outcome.findings += findings
            raise Found

    # the operator

    def _request(self) -> str:
        """One request of the operator has its turn."""
        if not self.operator.is_busy:
            return ""
        call, fate = self.operator.front.take()
        self._look(call.by)
        label = "" if fate is Fate.ANSWERED else f" {fate.name}"
        done = f"operator {call}{label}"
        if fate in KILLS:
            self.outcome.reached["killed at a write" if call.is_write else "killed at a read"] += 1
            self._restart()
        else:
            self.operator.loop.drain()
        if fate is not Fate.ANSWERED:
            self._events += 1
        return done

    def _restart(self) -> None:
        """The operator dies, and is started again; requests under way arrive or do not."""
        front = self.operator.front
        for call in front.forget():
            if call.is_write and self.rng.random() < 0.5:
                front.arrive_unseen(call)
                self._look(call.by)
        self._events += 1
        self.operator = self._start(self.operator.loop.time())
        self.operator.front.forbidden = front.forbidden
        self.watches.frozen.clear()
        for plural in KINDS:
            self.watches.begin_anew(self.operator, plural, old=self.rng.random() < 0.3)

    def _restore(self) -> str:
        """The API server is away for moments, and then what it was earlier; the operator goes on running."""
        known = self.server.at
        while self.operator.is_busy:
            self.operator.front.cut_off()
            self.operator.loop.drain()
        done = self.restores.restore(self)
        self.watches.set_back(known)
        self.court.set_back()
        self.operator.hearing.restored_unseen += 1
        self.outcome.reached["restored"] += 1
        self._events += _EVENTS_OF_RESTORE
        return done

    def _gap(self) -> str:
        """A watch ends and begins anew."""
        plural = self.rng.choice(tuple(KINDS))
        self.watches.begin_anew(self.operator, plural)
        return f"watch of {plural} begins anew"

    def _uninstall(self) -> str:
        done, group = self.others.uninstall()
        if self.rng.random() < 0.7:  # an operator for some namespaces may not watch the kinds
            self.watches.kinds_changed(group)
        return done

    def _forbid(self) -> str:
        forbidden = self.operator.front.forbidden
        kind = self.rng.choice(tuple(KINDS.values()))
        if forbidden:
            forbidden.clear()
            return "somebody gives the operator its rights back"
        forbidden.add(kind)
        self._events += 1
        return f"somebody takes the right to {kind.plural}"

    def _pass_time(self, seconds: float) -> str:
        self.operator.loop.advance(seconds)
        self.operator.loop.drain()
        self._events += 1
        return f"{seconds:.2f} s pass"

    # rest

    def _rest(
        self, what: str, problems: Callable[[Server], list[str]], *, holds: bool = False
    ) -> None:
        """All are well and do what is due; after some time nothing may be written any more."""
        self.stage.trouble = 0.0
        self.operator.front.faults = Faults()
        self.operator.front.forbidden.clear()
        self.watches.frozen.clear()
        self.answers.well = True
        self.operator.hearing.add(Key(MODEL_KIND, NAMESPACE, MODEL))
        for plural in KINDS:
            self.watches.begin_anew(self.operator, plural)
        began, quiet_since, steps = self.operator.loop.time(), self.operator.loop.time(), 0
        while True:
            now, writes = self.operator.loop.time(), self._writes
            if now - began > _REST_SECONDS and now - quiet_since > _QUIET_SECONDS:
                break
            steps += 1
            if steps > _MOST_AT_REST:
                self._find(f"{what}: it does not come to rest")
            self._did(self._one_of_calm(holds=holds))
            if self._writes != writes:
                quiet_since = now
        self.court.end()
        self._look(None)
        for problem in problems(self.server):
            self._find(f"{what}: {problem}")

    def _one_of_calm(self, *, holds: bool) -> str:
        if self.operator.is_busy:
            return self._request()
        done = (
            self.watches.tell(self.operator)
            or self.others.tidy()
            or self.board.adjourn()
            or (not holds and self.users.let_go())
            or self.users.begin()
            or self.users.correct()
            or self.users.unschedule()
            or self.users.lift()
            or self.gateway.put_right()
            or self.kserve.put_right()
            or self.evaluator.put_right()
            or self.collector.put_right()
        )
        if done:
            return done
        due = self.operator.loop.next_timer()
        wait = 10.0 if due is None else max(due - self.operator.loop.time(), 0.0)
        return self._pass_time(min(wait, 600.0) + 0.001)

    def _wish(self) -> None:
        if self.server.view(MODELS):
            self._did(self.users.wish("5.0.0", "60s"))

    def _find(self, words: str) -> None:
        self.outcome.findings.append(words)
        raise Found
