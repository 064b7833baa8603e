"""The image is built from pinned parts, holds no tools, and does not run as root."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.deploy.compose import ENTRYPOINT, ROOT
from tests.deploy.images import DOCKERFILE, HEALTHCHECK, instructions, pinned, stages

# fmt: off
KNOWN = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM",
    "HEALTHCHECK", "LABEL", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}
# fmt: on


def values(name: str, stage: int = -1) -> list[str]:
    return [one.value for one in stages()[stage] if one.name == name]


def copied() -> list[str]:
    """What comes from this folder into the image."""
    return [
        source
        for one in instructions()
        if one.name == "COPY" and "--from=" not in one.value
        for source in one.value.split()[:-1]
    ]


def test_instructions() -> None:
    """Every line is an instruction that Docker has, and what runs comes from a second stage."""
    assert {one.name for one in instructions()} <= KNOWN
    assert len(stages()) == 2
    assert any("--from=build" in value for value in values("COPY"))


def test_pinned() -> None:
    """Both stages start from the same base, pinned to a version."""
    bases = {value.split()[0] for stage in (0, 1) for value in values("FROM", stage)}
    assert len(bases) == 1
    assert all(map(pinned, bases))
    assert not any(map(pinned, ("python", "python:latest", "python:3.11-slim", "kafka:4")))


def test_locked() -> None:
    """Packages are fetched by the hashes of the lock, later ones only from what was fetched."""
    pip = [
        command
        for one in instructions()
        if one.name == "RUN"
        for command in one.value.split("&&")
        if "pip " in command
    ]
    assert "--require-hashes" in pip[0]
    assert pip[1:]
    assert all("--no-index" in command for command in pip[1:])
    assert "PIP_NO_CACHE_DIR=1" in values("ENV", 0)[0]


def test_user() -> None:
    """The last user is a number above zero."""
    user, group = values("USER")[-1].split(":")
    assert int(user) > 0
    assert int(group) > 0


def test_entrypoint() -> None:
    """The image is the command `signals`."""
    assert values("ENTRYPOINT") == [f'["{ENTRYPOINT}"]']


def test_sources() -> None:
    """What is copied exists, and passes the ignore file; data and secrets do not."""
    lines = DOCKERFILE.with_suffix(".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    assert all((ROOT / source).exists() for source in copied())
    assert set(copied()) == allowed
    assert not any(fnmatch(secret, rule) for secret in (".env", ".signals") for rule in allowed)


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server on the loopback that answers /healthz with `status`, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def health(port: int) -> int:
    python, *arguments = HEALTHCHECK
    assert python == "python"
    proxies = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | proxies | {"SIGNALS_HTTP": f"0.0.0.0:{port}"},
        capture_output=True,
        check=False,
    ).returncode


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_health(status: int, healthy: bool) -> None:
    """The health check asks /healthz at the port of the settings, whatever proxy there is."""
    with answering(status) as port:
        assert (health(port) == 0) is healthy


def test_no_health() -> None:
    """Where nobody answers, nobody is healthy."""
    with answering(200) as port:
        pass
    assert health(port) != 0
