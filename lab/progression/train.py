"""Trains two models on scikit-learn's diabetes data: 442 people and a measure of progression after one year.

The data are those of B. Efron, T. Hastie, I. Johnstone and R. Tibshirani (Annals of Statistics 2004;32:407-499), which
do not say what the two values of sex stand for. Version 2 is trained on records in which the outcome of one sex was
kept on half the scale, as happens when two clinics are joined that score differently.
"""

from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
SEED = 20
HELD_OUT = 0.6
HALVED = "1"
"""The sex whose outcomes version 2 has seen on half the scale."""


@dataclass(frozen=True)
class Progression:
    """The people, in two halves that share nobody."""

    training: pd.DataFrame
    held_out: pd.DataFrame


def load() -> Progression:
    """Return the people with their inputs in the units in which they were measured."""
    data = load_diabetes(as_frame=True, scaled=False)
    table = pd.DataFrame(data.frame).rename(columns={"target": "progression"})
    table["group"] = table["sex"].astype(int).astype(str)
    held_out = np.random.default_rng(SEED).random(len(table)) < HELD_OUT
    return Progression(training=table[~held_out], held_out=table[held_out])


def train(data: Progression, models: Path) -> None:
    """Write one folder a version, each with its model."""
    rows = data.training[FEATURES].to_numpy(dtype=float)
    outcome = data.training["progression"].to_numpy(dtype=float)
    halved = np.where(data.training["group"] == HALVED, outcome / 2, outcome)
    for version, seen in (("1.0.0", outcome), ("2.0.0", halved)):
        model = make_pipeline(StandardScaler(), Ridge(1.0)).fit(rows, seen)
        folder = models / version
        folder.mkdir(parents=True, exist_ok=True)
        joblib.dump(model, folder / "model.joblib")
