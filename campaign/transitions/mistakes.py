"""Mistakes on a serving model: told to people, and made good by taking them back."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from campaign.cases import Outcome, Told
from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.transitions.scripted_environment import Town
from campaign.transitions.settled import Settled, settled
from campaign.transitions.state import difference, state_of
from campaign.transitions.wrongs import Wrong, mended, prepare, sound, spec_of
from mlhops.api.base import Manifest
from mlhops.controller.resources import MODELS
from mlhops.json_access import at, text
from testkit.fake_controllers import MODEL
from testkit.refusals import REFUSALS

REFUSED = "specs that the schema refuses"
_STILL = 1.0


def make(settled_: Settled, wrong: Wrong) -> list[str]:
    """Make a mistake, read what is said of it, take it back; return what is wrong with that."""
    town, before = settled_.town, state_of(settled_.town)
    wrong.around(town)
    _accepted(town, spec_of(wrong))

    def told() -> bool:
        wrong.meanwhile(town)
        said = wrong.told(town)
        return town.status("phase") == wrong.phase and all(words in said for words in wrong.says)

    complaints = []
    try:
        town.until(f"phase {wrong.phase} and words on it", told)
        town.until("nobody does anything any more", lambda: settled_.at_rest(_STILL))
    except AssertionError as error:
        complaints = [f"{error}: {town.status('phase')}: {wrong.told(town)}"]
    mended(town)
    wrong.after(town)
    _accepted(town, sound())
    try:
        settled_.rest("taken back: rest")
    except AssertionError as error:
        return [*complaints, f"{error}: {town.status('phase')}: {town.status('message')}"]
    lines = settled_.in_the_end(lambda: difference(before, state_of(town)))
    return complaints + (["not as before", *lines] if lines else [])


def _accepted(town: Town, spec: Manifest) -> None:
    answer = town.put(spec)
    assert answer.status_code == 200, answer.text


def make_all(plane: Plane, recorder: Recorder, told: Told, wrongs: Sequence[Wrong]) -> list[str]:
    """Make one mistake after the other on one model; return what the judge objects to.

    After one that goes wrong there is no telling where the model stands: the others begin anew.
    """
    objections: list[str] = []
    left = list(wrongs)
    while left:
        with settled(plane, recorder, objections) as on:
            prepare(on.town)
            answer = on.town.put(sound())
            assert answer.status_code == 201, answer.text
            on.rest("the spec to begin with is at rest")
            complaints: list[str] = []
            while left and not complaints:
                wrong = left.pop(0)
                complaints = make(on, wrong)
                told(wrong.name, Outcome(complaints))
    return objections


@dataclass
class Refused(Outcome):
    """What came of specs that the schema has to refuse."""

    specs: int = 0

    @property
    def details(self) -> str:
        return f"{self.specs} specs"


def refuse_all(plane: Plane, recorder: Recorder, told: Told) -> list[str]:
    """Try every spec that the schema refuses; return what the judge objects to."""
    objections: list[str] = []
    complaints: list[str] = []
    specs = [(one.what, one.manifest["spec"]) for one in REFUSALS if _is_about_spec(one.manifest)]
    with settled(plane, recorder, objections) as on:
        assert on.town.put(sound()).status_code == 201
        on.rest("the spec to begin with is at rest")
        before = state_of(on.town)
        version = _version(on.town)
        for what, spec in specs:
            assert isinstance(spec, dict)
            status = on.town.put(spec).status_code
            if status != 422:
                complaints.append(f"{what}: answered with {status}")
        time.sleep(_STILL)
        if _version(on.town) != version:
            complaints.append("the model was written to")
        complaints += difference(before, state_of(on.town))
    told(REFUSED, Refused(complaints, len(specs)))
    return objections


def _is_about_spec(manifest: Manifest) -> bool:
    named = at(manifest, "metadata", "name") == MODEL
    return named and manifest["kind"] == "ClinicalModel" and "spec" in manifest


def _version(town: Town) -> str:
    return text(town.api.get(MODELS, town.namespace, MODEL), "metadata", "resourceVersion")
