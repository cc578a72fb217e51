"""One leaf after the other on a serving model: changed, removed, and put back.

After each, the model has to come to rest as a model does that was installed with that spec to begin with.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from campaign.cases import Outcome, Told
from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.transitions.base import base, is_numeric
from campaign.transitions.changes import (
    UNCHANGEABLE,
    changed_specs,
    makes_revision,
    removed_specs,
)
from campaign.transitions.leaves import Leaf
from campaign.transitions.settled import Installed, Settled, settled
from campaign.transitions.state import State, difference, state_of
from mlhops.api.base import Manifest
from mlhops.json_access import at

_LASTING = ("evaluation", "rollout")
"""Parts of a spec that matter to the next version only, so that one follows."""


@dataclass
class Covered(Outcome):
    """What was done with one leaf."""

    changed: bool = False
    removed: bool = False
    unchanged_because: str = ""
    unremoved_because: str = ""
    """Why the leaf has to be there, in the API server's words."""

    @property
    def details(self) -> str:
        return ", ".join(word for word in ("changed", "removed") if getattr(self, word))


class Subject:
    """A serving model on which one transition follows the other."""

    def __init__(self, settled: Settled, installed: Installed, spec: Manifest) -> None:
        self._settled = settled
        self._installed = installed
        self._base = spec
        self.spec = spec
        self._live = spec
        """The spec as the API server keeps it, with its defaults."""
        self._numbers = 1

    def begin(self) -> None:
        """Install the spec to begin with."""
        answer = self._settled.town.put(self.spec)
        assert answer.status_code == 201, answer.text
        self._live = cast(Manifest, answer.json()["spec"])
        self._settled.rest("the spec to begin with is at rest")

    def cover(self, leaf: Leaf) -> Covered:
        """Change a leaf, remove it, and put it back."""
        covered = Covered()
        changes = () if str(leaf) in UNCHANGEABLE else changed_specs(leaf, self.spec)
        covered.unchanged_because = UNCHANGEABLE.get(str(leaf), "")
        refused = self._first_accepted(changes, leaf, covered, "changed")
        covered.changed = refused is None
        if not covered.changed and not covered.unchanged_because:
            covered.complaints.append(f"no change is accepted: {refused}")
        present: Manifest = {"version": self.spec["version"]}
        # The version stays the one that the change has led to.
        removals = (
            {**spec, **present} if "version" in spec else spec
            for spec in removed_specs(leaf, self._base)
        )
        refused = self._first_accepted(removals, leaf, covered, "removed")
        covered.removed = refused is None
        covered.unremoved_because = refused or ""
        covered.complaints += self.become(self._base, "put back")
        return covered

    def _first_accepted(
        self, specs: Iterable[Manifest], leaf: Leaf, covered: Covered, what: str
    ) -> str | None:
        """Apply the first that the server takes; return its refusal where it takes none."""
        refusal = "there is nothing to try"
        for spec in specs:
            answer = self._dry(spec)
            if answer:
                refusal = answer
                continue
            covered.complaints += self.become(spec, what)
            if leaf.path[0] in _LASTING and not _is_paused(spec):
                self._numbers += 1
                following: Manifest = {**spec, "version": f"{self._numbers}.0.0"}
                covered.complaints += self.become(following, f"{what}, and the next version")
            return None
        return refusal

    def _dry(self, spec: Manifest) -> str:
        """Why the server would refuse a spec, empty where it would not."""
        answer = self._settled.town.put(spec, dry=True)
        if answer.status_code == 200:
            return ""
        assert answer.status_code == 422, answer.text
        causes = answer.json()["details"]["causes"]
        # Where a field is missing the server adds that it could not check all of its rules.
        told = [f"{c['field']}: {c['message']}" for c in causes if c["field"] != "<nil>"]
        return "; ".join(told)

    def become(self, spec: Manifest, what: str) -> list[str]:
        """Give the model a spec, wait for rest, and compare with a fresh install.

        Without a new revision nothing is measured anew, so that the latest measurement stays what it was.
        """
        before, revision = state_of(self._settled.town), self._settled.revision()
        answer = self._settled.town.put(spec)
        assert answer.status_code == 200, answer.text
        was, self._live = self._live, cast(Manifest, answer.json()["spec"])
        self.spec = spec
        makes = makes_revision(was, self._live)
        self._settled.rest(
            f"{what}: rest with {'another' if makes else 'the same'} revision",
            lambda: (self._settled.revision() != revision) == makes,
        )
        lasting = any(was[part] != self._live[part] for part in _LASTING)
        if not makes and lasting:
            return _named(
                f"{what}: what serves has changed", difference(before, state_of(self._settled.town))
            )
        fresh = self._installed.state(spec)

        def unlike() -> list[str]:
            mine = state_of(self._settled.town)
            if makes:
                return difference(fresh, mine)
            return difference(_without_measurement(fresh), _without_measurement(mine))

        return _named(f"{what}: not as a fresh install", self._settled.in_the_end(unlike))


def _named(title: str, lines: list[str]) -> list[str]:
    return [title, *lines] if lines else []


def _without_measurement(state: State) -> State:
    return {kind: of for kind, of in state.items() if kind not in ("Evaluation", "Job")}


def _is_paused(spec: Manifest) -> bool:
    """Whether no next version would come to serve."""
    return at(spec, "rollout", "paused") is True


def lane(plane: Plane, recorder: Recorder, told: Told, leaves: Sequence[Leaf]) -> list[str]:
    """Cover leaves one after the other; return what the judge objects to.

    After a leaf that fails there is no telling where the model stands: the others begin anew.
    """
    objections: list[str] = []
    left = list(leaves)
    while left:
        numeric = is_numeric(str(left[0]))
        steps = any(leaf.path[:2] == ("rollout", "steps") for leaf in left)
        spec = base(steps=steps, numeric=numeric)
        with (
            settled(plane, recorder, objections) as mine,
            settled(plane, recorder, objections) as other,
        ):
            subject = Subject(mine, Installed(other), spec)
            covered = Covered()
            try:
                subject.begin()
            except AssertionError as error:
                covered.complaints = [str(error)]
                told(str(left.pop(0)), covered)
                continue
            while left and not covered.complaints and is_numeric(str(left[0])) == numeric:
                covered = _covered(subject, left[0])
                told(str(left.pop(0)), covered)
    return objections


def _covered(subject: Subject, leaf: Leaf) -> Covered:
    try:
        return subject.cover(leaf)
    except AssertionError as error:
        return Covered(complaints=[str(error)])
