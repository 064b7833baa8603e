"""What is tried again, for how long, and what is not."""

import re

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from pipeline.errors import StoreError, StoreUnavailable
from pipeline.store.client import ServerOptions, _transport, _wrapped, open_store
from pipeline.store.retry import NEVER, Patience, retried


class Clock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def failing(times: int, error: Exception) -> tuple[list[int], object]:
    tries: list[int] = []

    def act() -> str:
        tries.append(1)
        if len(tries) <= times:
            raise error
        return "done"

    return tries, act


AWAY = StoreUnavailable("away", "wait")


def test_it_is_tried_until_it_succeeds() -> None:
    """Pauses double, with some chance in them, up to the longest."""
    clock = Clock()
    tries, act = failing(6, AWAY)
    patience = Patience(60.0, first=1.0, most=8.0)
    assert retried(act, patience, clock=clock, sleep=clock.sleep) == "done"  # type: ignore[arg-type]
    assert len(tries) == 7
    for pause, longest in zip(clock.pauses, [1, 2, 4, 8, 8, 8], strict=True):
        assert longest / 2 <= pause <= longest


def test_patience_ends() -> None:
    """The last error is the answer, and no later than promised."""
    clock = Clock()
    _, act = failing(10**6, AWAY)
    with pytest.raises(StoreUnavailable):
        retried(act, Patience(10.0), clock=clock, sleep=clock.sleep)  # type: ignore[arg-type]
    assert 4 < clock.now <= 10


@pytest.mark.parametrize("error", [StoreError("no"), ValueError("no")])
def test_other_errors_are_not_tried_again(error: Exception) -> None:
    """What is wrong stays wrong."""
    tries, act = failing(1, error)
    with pytest.raises(type(error)):
        retried(act, Patience(10.0))  # type: ignore[arg-type]
    assert len(tries) == 1


def test_without_patience_there_is_one_try() -> None:
    """A person at a terminal sees the error at once."""
    tries, act = failing(1, AWAY)
    with pytest.raises(StoreUnavailable):
        retried(act, NEVER)  # type: ignore[arg-type]
    assert len(tries) == 1


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ("Received ClickHouse exception, code: 252, server response: Code: 252. DB::Exception: Too many parts", StoreUnavailable),
        ("Received ClickHouse exception, code: 241, server response: Code: 241. DB::Exception: Memory limit", StoreUnavailable),
        ("HTTP driver received HTTP status 503, server response: away", StoreUnavailable),
        ("HTTP driver received HTTP status 429", StoreUnavailable),
        ("HTTP driver received HTTP status 404, server response: what", StoreError),
        ("Received ClickHouse exception, code: 60, server response: Code: 60. DB::Exception: Unknown table", StoreError),
        ("Received ClickHouse exception, code: 516, server response: Code: 516. DB::Exception: u: Authentication failed", StoreError),
    ],
)  # fmt: skip
def test_what_passes_is_told_from_what_stays(said: str, becomes: type[StoreError]) -> None:
    """By ClickHouse's code, else by the status of whoever stands in between."""
    for kind in (DatabaseError, OperationalError):
        if kind is OperationalError and "Code" not in said:
            continue  # then the driver had no answer at all
        with pytest.raises(StoreError) as raised, _wrapped("http://db", StoreError):
            raise kind(said)
        assert type(raised.value) is becomes
    if "516" in said:
        assert "user and password" in raised.value.remedy


def test_no_password_stands_in_an_error() -> None:
    """Nor anything else of the address but scheme, host and port."""
    url = "http://me:hidden@127.0.0.1:1/db?ca_cert=private&connect_timeout=1"
    with pytest.raises(StoreUnavailable) as raised:
        open_store(None, url, server=ServerOptions(password="also-hidden"))
    assert re.match(
        r"ClickHouse at http://127\.0\.0\.1:1/db does not answer", str(raised.value)
    )
    for secret in ("hidden", "private", "me:"):
        assert secret not in str(raised.value)


def test_the_address_wins_over_the_usual_times() -> None:
    """`?connect_timeout=` and the like are the driver's own options."""
    options = _transport({"connect_timeout": "3"}, ServerOptions())
    assert "connect_timeout" not in options
    assert options["send_receive_timeout"] > 0
