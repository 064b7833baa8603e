"""The partition of an entity never changes: what is stored under it would not be found."""

from collections import Counter

import pytest

from pipeline.core.names import partition_of


@pytest.mark.parametrize(
    ("ref", "partitions", "partition"),
    [
        ("item:jira:10001", 8, 1),
        ("key:PAY-42", 8, 7),
        ("shard:one-click-pay/15", 8, 1),
        ("goal:checkout-faster", 8, 3),
        ("team:zahlung-für-alle", 8, 7),
        ("goal:checkout-faster", 1, 0),
        ("goal:checkout-faster", 12, 3),
        ("", 8, 0),
    ],
)
def test_partition(ref: str, partitions: int, partition: int) -> None:
    """These references stay where they are, in every version."""
    assert partition_of(ref, partitions) == partition


def test_spread() -> None:
    """Ten thousand work items fill eight partitions evenly, within a tenth."""
    filled = Counter(partition_of(f"item:jira:{n}", 8) for n in range(10_000))
    assert set(filled) == set(range(8))
    assert all(1125 < count < 1375 for count in filled.values())
