"""The corpus that a history is derived from: its names and its files."""

import csv
from collections.abc import Mapping
from pathlib import Path

Row = Mapping[str, str]

NAME = "controller-runtime"
REPOSITORY = "kubernetes-sigs/controller-runtime"
PACKAGE = "sigs.k8s.io/controller-runtime"


def read(corpus: Path, name: str) -> list[Row]:
    """Rows of a file of the corpus."""
    with (corpus / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
