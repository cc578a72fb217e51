"""What a revision's reference data look like, in numbers small enough for a ConfigMap.

Nothing here belongs to a single person: counts by bin, and edges between values. Bins of a number
are right-closed: edges `e1 < e2` make `(-inf, e1]`, `(e1, e2]` and `(e2, inf)`. The last bin of a
Categorical or Binary feature is anything that is not among its categories.
"""

import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from mlhops.api.base import Digest, Resource
from mlhops.api.columns import Name
from mlhops.api.interface import Datatype, Encoding, Protocol, Range

EDGES = 63
"""At most so many edges: 64 bins of a number."""
FREQUENCIES = 64
"""Random frequencies of the joint sketch: each makes a cosine and a sine."""
PORT = 9502
"""Where the evaluator's pod hands its profile over."""
WAIT_SECONDS = 120
"""For how long it does so."""
MOST_BYTES = 1 << 20
"""What a ConfigMap holds, and so the longest profile."""
UNIT = 1 << 20
"""Cosines and sines are summed as whole numbers of this fraction of 1, so that sums are exact."""


class StoredProfile(Resource):
    """Which profile an evaluator made of the reference data, or why there is none. Only one that is
    not what the evaluator says it made changes the verdict."""

    digest: Digest | None = None
    """Its sha256."""
    error: Annotated[str, Field(max_length=512)] | None = None
    """Why the revision has no profile."""


class FeatureProfile(Resource):
    """One feature's values, or the scores, in the reference data."""

    name: Name
    type: Literal["Numeric", "Categorical", "Binary"] = "Numeric"
    edges: Annotated[list[float], Field(max_length=EDGES)] = []
    """Numeric: what parts the bins, going up."""
    centres: Annotated[list[float], Field(max_length=EDGES + 1)] = []
    """Numeric: the median of the reference values in each bin."""
    categories: Annotated[list[str], Field(max_length=256)] = []
    """Categorical and Binary: the known values in canonical text."""
    text: Literal[True] | None = None
    """Categorical and Binary: the values are text, and compared as it stands. Absent where they are
    numbers or truth values, and in profiles of versions that compared all of them as numbers."""
    counts: Annotated[list[NonNegativeInt], Field(min_length=1, max_length=257)]
    """Reference rows in each bin."""
    missing: NonNegativeInt = 0
    """Reference rows without a value."""
    range: Range | None = None
    """The plausible values that the interface declares."""
    scale: PositiveFloat | None = None
    """Numeric: the spread by which distances are divided; none where the reference is constant."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        numeric = self.type == "Numeric"
        parts = len(self.edges) if numeric else len(self.categories)
        if len(self.counts) != parts + 1:
            raise ValueError(f"counts of {self.name} must be one more than its edges or categories")
        if numeric and len(self.centres) != len(self.counts):
            raise ValueError(f"centres of {self.name} must be as many as its counts")
        if any(low >= high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError(f"edges of {self.name} must go up")
        if any(low > high for low, high in zip(self.centres, self.centres[1:], strict=False)):
            raise ValueError(f"centres of {self.name} must not go down")
        if len(set(self.categories)) != len(self.categories):
            raise ValueError(f"categories of {self.name} must each be there once")
        return self

    @property
    def rows(self) -> int:
        """Reference rows with a value."""
        return sum(self.counts)


class JointProfile(Resource):
    """The mean of random Fourier features of all numeric features together.

    Row x is standardised to z = (x - centre) / scale, and becomes cos(w z) and sin(w z) for each
    frequency w, drawn from the spectral density of a Gaussian kernel (A. Rahimi and B. Recht,
    NIPS 2007). The distance of two means estimates the maximum mean discrepancy.
    """

    seed: NonNegativeInt
    """From which the frequencies are drawn."""
    frequencies: Annotated[int, Field(ge=1, le=256)] = FREQUENCIES
    bandwidth: PositiveFloat
    """The kernel's, in standardised units."""
    features: Annotated[list[Name], Field(min_length=1, max_length=512)]
    """The numeric features that vary enough, in order."""
    centre: list[float]
    scale: list[PositiveFloat]
    mean: list[Annotated[float, Field(ge=-1, le=1)]]
    """The reference's mean of all cosines, then of all sines."""
    spectrum: Annotated[list[NonNegativeFloat], Field(min_length=1, max_length=512)]
    """Eigenvalues of the covariance of cosines and sines, the largest first."""
    rows: NonNegativeInt

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not len(self.features) == len(self.centre) == len(self.scale):
            raise ValueError("joint.centre and joint.scale must be as many as joint.features")
        if len(self.mean) != 2 * self.frequencies:
            raise ValueError("joint.mean must have two numbers for each frequency")
        return self


Kind = Literal["Number", "Text", "Boolean"]
"""What JSON tells of a value."""
KINDS: tuple[Kind, ...] = ("Number", "Text", "Boolean")


def kind_of(datatype: Datatype) -> Kind:
    """Return as what a value of a datatype arrives."""
    return "Text" if datatype == "BYTES" else "Boolean" if datatype == "BOOL" else "Number"


class AskedProfile(Resource):
    """How the evaluation asked the model."""

    protocol: Protocol
    encoding: Encoding
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=512)]
    """Of each feature's values, in order."""


class Profile(Resource):
    """What a revision's reference data look like."""

    revision: str
    created_from: Digest
    """The digest of the reference data."""
    rows: NonNegativeInt
    features: Annotated[list[FeatureProfile], Field(min_length=1, max_length=512)]
    score: FeatureProfile | None = None
    joint: JointProfile | None = None
    """None where no feature is a number that varies enough."""
    asked: AskedProfile | None = None
    """None in a profile of an older evaluator."""
    positive_column: Annotated[int, Field(ge=0, le=1)] | None = None
    """Which of two columns the score is, where the labels made that certain."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [feature.name for feature in self.features]
        if len(set(names)) != len(names):
            raise ValueError("features of a profile must each have a name of their own")
        numeric = {feature.name for feature in self.features if feature.type == "Numeric"}
        if self.joint is not None and not set(self.joint.features) <= numeric:
            raise ValueError("joint.features must be among the Numeric features of the profile")
        if self.asked is not None and len(self.asked.kinds) != len(names):
            raise ValueError("asked.kinds must be as many as the features of the profile")
        return self

    def to_text(self) -> str:
        """Return the profile as canonical JSON: what is stored, and what the digest is of."""
        return json.dumps(
            self.to_json(),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )

    def digest(self) -> str:
        """Return the sha256 of the canonical JSON."""
        return f"sha256:{hashlib.sha256(self.to_text().encode()).hexdigest()}"

    def counted_digest(self) -> str:
        """Return the sha256 of all that counts depend on.

        A detector that is older than `asked` knows a profile by this one, since it reads no more.
        """
        return self.model_copy(update={"asked": None, "positive_column": None}).digest()
