"""The golden numbers as the corpora's own README prints them."""

import re
from pathlib import Path

Numbers = dict[str, dict[str, list[float]]]


def table(corpora: Path) -> Numbers:
    """Per repository and column, every number in the cell (131; 533 of 594; 58)."""
    text = (corpora / "README.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.partition("## Golden numbers")[2].splitlines()
        if line.startswith("|")
    ]
    header, _, *body = rows
    return {
        row[0]: {name: _numbers(cell) for name, cell in zip(header[1:], row[1:], strict=True)}
        for row in body
    }


def kafka(corpora: Path) -> list[float]:
    """Distinct keys, keys with a release, median days until it, negative lags, other case."""
    text = (corpora / "README.md").read_text(encoding="utf-8")
    [paragraph] = re.findall(r"Apache Kafka: (.*)", text)
    return _numbers(re.sub("`[^`]*`", "", paragraph))


def _numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"\d+(?:\.\d+)?", text.replace(",", ""))]
