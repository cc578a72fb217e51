"""Draws people at random, trains a model of each kind on some of them, and holds out the others.

The people are numbers: whoever they look like, they are nobody.
"""

import sys
from pathlib import Path

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from sklearn.linear_model import LinearRegression, LogisticRegression

PEOPLE, TRAINING = 8000, 3000
folder = Path(sys.argv[1])
random = np.random.default_rng(7)

age = random.uniform(20, 95, PEOPLE).round(1)
male = random.integers(0, 2, PEOPLE)
creatinine = (0.7 + 0.2 * male + random.gamma(2.0, 0.25, PEOPLE)).round(2)
chance = 1 / (1 + np.exp(4.0 - 0.07 * (age - 30) - 1.0 * (creatinine - 1.0)))
injured = (random.random(PEOPLE) < chance).astype(np.int64)

rows = np.column_stack([age, male, creatinine])
model = LogisticRegression(max_iter=1000).fit(rows[:TRAINING], injured[:TRAINING])
place = folder / "models" / "1.0.0"
place.mkdir(parents=True, exist_ok=True)
joblib.dump(model, place / "model.joblib")

held_out = pa.table(
    {
        "person": np.arange(PEOPLE)[TRAINING:],
        "sex": np.where(male == 1, "M", "F")[TRAINING:].tolist(),
        "age": age[TRAINING:],
        "male": male[TRAINING:],
        "creatinine": creatinine[TRAINING:],
        "injured": injured[TRAINING:],
    }
)
stay = random.gamma(3.0, (1.0 + age / 40 + creatinine) / 3).round(1)
place = folder / "models" / "stay-1.0.0"
place.mkdir(parents=True, exist_ok=True)
joblib.dump(LinearRegression().fit(rows[:TRAINING], stay[:TRAINING]), place / "model.joblib")

need = 0.08 * (age - 55) + 2.5 * (creatinine - 1.3) + random.logistic(0, 1, PEOPLE)
level = np.select([need < -1, need < 1.5], ["green", "yellow"], "red")
place = folder / "models" / "triage-1.0.0"
place.mkdir(parents=True, exist_ok=True)
triage = LogisticRegression(max_iter=1000).fit(rows[:TRAINING], level[:TRAINING])
joblib.dump(triage, place / "model.joblib")

(folder / "data").mkdir(exist_ok=True)
stays = held_out.drop_columns("injured").append_column("days", pa.array(stay[TRAINING:]))
parquet.write_table(stays, folder / "data" / "stays.parquet")
levels = held_out.drop_columns("injured").append_column(
    "level", pa.array(level[TRAINING:].tolist())
)
parquet.write_table(levels, folder / "data" / "triage.parquet")
parquet.write_table(held_out, folder / "data" / "held-out.parquet")
print(f"trained on {TRAINING} people, held out {PEOPLE - TRAINING}")
