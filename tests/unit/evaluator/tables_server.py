"""A real KServe ModelServer with scikit-learn models from a folder, to be started as a process."""

import os
import sys
from pathlib import Path

from lab.modelserver import PodServer, SklearnModel

if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    os.environ["PREDICT_PROBA"] = "true"
    served = [
        SklearnModel(each.name, each) for each in sorted(Path(os.environ["MODELS"]).iterdir())
    ]
    for model in served:
        model.load()
    PodServer(http_port=int(os.environ["PORT"]), enable_grpc=False).start(served)
