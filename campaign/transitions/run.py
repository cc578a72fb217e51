"""All leaves and all mistakes, several lanes at a time, and what share was covered."""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.transitions.leaves import Leaf, leaves, spec_schema
from campaign.transitions.mistakes import make_all, refuse_all
from campaign.transitions.play import Covered, lane
from campaign.transitions.scripted_environment import make_gateways
from campaign.transitions.wrongs import WRONGS, Wrong
from testkit.api import Api

CRD = Path(__file__).resolve().parents[2] / "crds" / "mlhops.io_clinicalmodels.yaml"
_PER_LANE = 8


@dataclass
class Tally:
    """What was covered, and what went wrong."""

    covered: dict[str, Covered] = field(default_factory=dict)
    mistakes: dict[str, list[str]] = field(default_factory=dict)
    """Complaints by mistake, none where it was told and made good."""
    refused: int = 0
    """Specs that the schema has to refuse."""
    objections: list[str] = field(default_factory=list)
    """What the judge says of the whole history."""

    @property
    def tried(self) -> int:
        """How many leaves and mistakes were played."""
        return len(self.covered) + len(self.mistakes)

    @property
    def failed(self) -> dict[str, list[str]]:
        """Complaints by leaf, by mistake, and by the judge."""
        found = {name: c.complaints for name, c in self.covered.items()} | self.mistakes
        return {
            name: words for name, words in (*found.items(), ("judge", self.objections)) if words
        }

    def lines(self) -> list[str]:
        """The tally for people."""
        fields, changed = len(self.covered), sum(c.changed for c in self.covered.values())
        removed = sum(c.removed for c in self.covered.values())
        must = {n: c.unremoved_because for n, c in self.covered.items() if c.unremoved_because}
        share = 100 * changed / fields if fields else 0.0
        head = f"leaf fields {fields}, changed {changed} ({share:.0f} %)"
        told = [
            f"{head}, removed {removed} of {fields - len(must)} removable",
            f"mistakes {len(self.mistakes)}, specs refused {self.refused}",
        ]
        told += [
            f"  not changed: {name}: {c.unchanged_because or 'failed'}"
            for name, c in self.covered.items()
            if not c.changed
        ]
        return told + [f"  not removable: {name}: {why}" for name, why in must.items()]


def all_leaves() -> list[Leaf]:
    """Every leaf of ClinicalModel.spec, from the generated CRD."""
    return list(leaves(spec_schema(CRD)))


def lanes(chosen: Sequence[Leaf], size: int = _PER_LANE) -> list[list[Leaf]]:
    """Leaves that are played one after the other; those of the steps, which take time, by themselves."""
    steps = [leaf for leaf in chosen if leaf.path[:2] == ("rollout", "steps")]
    others = [leaf for leaf in chosen if leaf not in steps]
    parts = [others[at : at + size] for at in range(0, len(others), size)]
    return [part for part in (steps, *parts) if part]


def chosen_of(
    fields: Sequence[str], mistakes: Sequence[str], sample: int | None, seed: int
) -> tuple[list[Leaf], list[Wrong]]:
    """What to play: what is named, or all, or a sample of all by seed.

    Raises:
        ValueError: a name is that of no leaf and of no mistake.
    """
    leaves_ = {str(leaf): leaf for leaf in all_leaves()}
    wrongs = {wrong.name: wrong for wrong in WRONGS}
    unknown = (set(fields) - leaves_.keys()) | (set(mistakes) - wrongs.keys())
    if unknown:
        raise ValueError(f"no leaf field and no mistake: {', '.join(sorted(unknown))}")
    names = [*fields, *mistakes] or [*leaves_, *wrongs]
    if sample is not None:
        names = random.Random(seed).sample(names, min(sample, len(names)))
    return (
        [leaf for name, leaf in leaves_.items() if name in names],
        [wrong for name, wrong in wrongs.items() if name in names],
    )


def run(
    plane: Plane,
    recorder: Recorder,
    tell: Callable[[str], None],
    jobs: int,
    sample: int | None = None,
    seed: int = 0,
    fields: Sequence[str] = (),
    mistakes: Sequence[str] = (),
) -> Tally:
    """Cover all leaves and make all mistakes, or those that are named, or a sample by seed."""
    chosen, wrongs = chosen_of(fields, mistakes, sample, seed)
    api = Api(plane.kubeconfig)
    make_gateways(api)
    api.close()
    tally, lock = Tally(), threading.Lock()

    def covered(leaf: Leaf, what: Covered) -> None:
        with lock:
            tally.covered[str(leaf)] = what
            done = [word for word in ("changed", "removed") if getattr(what, word)]
            _tell(tell, f"{leaf} ({', '.join(done)})", what.complaints, f"--field '{leaf}'")

    def made(name: str, complaints: list[str]) -> None:
        with lock:
            tally.mistakes[name] = complaints
            _tell(tell, f"mistake: {name}", complaints, f"--mistake '{name}'")

    def refuse() -> list[str]:
        tally.refused, complaints = refuse_all(plane, recorder)
        return complaints

    size = -(-len(chosen) // jobs) if sample else _PER_LANE
    lanes_: list[Callable[[], list[str]]] = [
        partial(lane, plane, recorder, part, covered) for part in lanes(chosen, size)
    ]
    if wrongs:
        lanes_.append(partial(make_all, plane, recorder, wrongs, made))
    if not (fields or mistakes or sample):
        lanes_.append(refuse)
    with ThreadPoolExecutor(jobs) as pool:
        for objections in pool.map(lambda play: play(), lanes_):
            tally.objections += objections
    return tally


def _tell(tell: Callable[[str], None], what: str, complaints: list[str], replay: str) -> None:
    tell(f"{'FAILED' if complaints else 'ok    '} {what}")
    for complaint in complaints:
        tell(f"    {complaint}")
    if complaints:
        tell(f"    replay: python -m campaign.transitions {replay}")
