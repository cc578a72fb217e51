"""What a judge knows at one moment: the objects as they are, and what people have ever asked for."""

from campaign.floor import below
from campaign.history import Version
from campaign.raw_json import Object, is_operators, owner, part, shares_of, whole, word

MODEL = "ClinicalModel"


class Scene:
    """The world as the versions so far tell it, and the objections to it."""

    def __init__(self) -> None:
        self.at = 0
        self.objections: list[str] = []
        self.now: dict[str, dict[str, Object]] = {}
        self._gone: dict[str, set[str]] = {}
        """Names of objects that were there and are not any more, by kind."""
        self._specs: dict[tuple[str, int], Object] = {}
        """What people asked for, by the model's uid and generation."""
        self._decisions: dict[str, Object] = {}
        """What people decided, by uid; what was decided stays so when the object is gone."""

    def take(self, version: Version) -> Object:
        """Take over a version; return the one before, empty where there was none."""
        self.at = version.at
        objects = self.now.setdefault(version.kind, {})
        before = objects.get(version.name, {})
        if word(before, "metadata", "uid") != word(version.object, "metadata", "uid"):
            before = {}
        gone = self._gone.setdefault(version.kind, set())
        if version.deleted:
            objects.pop(version.name, None)
            gone.add(version.name)
        else:
            objects[version.name] = version.object
            gone.discard(version.name)
        uid = word(version.object, "metadata", "uid")
        if version.kind == "clinicalmodels":
            generation = whole(version.object, "metadata", "generation")
            self._specs[uid, generation] = part(version.object, "spec")
        if version.kind == "decisions":
            self._decisions[uid] = version.object
        return before

    def object_to(self, words: str) -> None:
        """Object to what is at this moment."""
        self.objections.append(f"at {self.at}: {words}")

    def of_kind(self, kind: str) -> dict[str, Object]:
        """All objects of a kind by name."""
        return self.now.get(kind, {})

    def gone(self, kind: str) -> set[str]:
        """The names of a kind's objects that were there and are not any more."""
        return self._gone.get(kind, set())

    def model_of(self, of: Object) -> Object:
        """The model that owns an object, empty where there is none."""
        name, uid = owner(of, MODEL)
        live = self.of_kind("clinicalmodels").get(name, {})
        return live if word(live, "metadata", "uid") == uid else {}

    def spec_of(self, model: Object) -> Object:
        """The spec that a model's status is about."""
        key = (word(model, "metadata", "uid"), whole(model, "status", "observedGeneration"))
        return self._specs.get(key, {})

    def specs_of(self, model: Object) -> list[Object]:
        """All specs that a model has ever had."""
        uid = word(model, "metadata", "uid")
        return [spec for (of, _), spec in self._specs.items() if of == uid]

    def routes_of(self, model: Object) -> list[Object]:
        """The routes that a model owns, and the one of its name."""
        name = word(model, "metadata", "name")
        routes = self.of_kind("httproutes").items()
        return [of for key, of in routes if key == name or self.model_of(of) is model]

    def share(self, model: Object, service: str) -> int:
        """The most that any route gives an InferenceService, in percent."""
        shares = [shares_of(route).get(service, 0) for route in self.routes_of(model)]
        return max(shares, default=0)

    def given(self, model: Object, service: str) -> int:
        """The most that a route gives it which the operator has written last."""
        routes = [r for r in self.routes_of(model) if is_operators(r, "spec", "rules")]
        return max((shares_of(route).get(service, 0) for route in routes), default=0)

    def below_standard(self, model: Object) -> str:
        """In what the spec that a status is about is below a standard; empty where in nothing."""
        standards = self.of_kind("clinicalstandards").values()
        return below(standards, model, self.spec_of(model))

    def all_decisions(self) -> list[Object]:
        """All Decisions that there ever were."""
        return list(self._decisions.values())

    def decided(self, model: Object, revision: str, *actions: str, after: str = "") -> set[str]:
        """The uids of all Decisions that there ever were on a revision, made after a moment."""
        name = word(model, "metadata", "name")
        return {
            uid
            for uid, made in self._decisions.items()
            if word(made, "spec", "model") == name
            and word(made, "spec", "revision") == revision
            and word(made, "spec", "action") in actions
            and (not after or word(made, "metadata", "creationTimestamp") > after)
        }
