"""Stands for the Job that trains anew: says what it was started for, as a training pipeline would record it."""

import os


def main() -> None:
    """Print the facts that the operator gives a Retrain Job."""
    for name, value in sorted(os.environ.items()):
        if name.startswith("MLHOPS_"):
            print(f"{name}={value}")


if __name__ == "__main__":
    main()
