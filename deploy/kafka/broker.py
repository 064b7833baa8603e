"""A real Apache Kafka on this machine: its jars through Maven, one process, KRaft, free ports.

For `make stack` and for the tests; a deployment has a Kafka of its own. The jars are kept in the
user's cache, keyed by the pom's hash, so they are fetched once.
"""

import base64
import ctypes
import fcntl
import gc
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
import warnings
from pathlib import Path
from tempfile import mkdtemp

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

HERE = Path(__file__).parent
POM = HERE / "pom.xml"

JAVA = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m"]
"""For a short life on few cores: start quickly, stay small."""

OLDEST_JAVA = 17

READY_WITHIN = 90.0
"""Seconds; a start takes four where nothing else runs."""

PASSWORD = "s3cret"
"""Of the user `signals` at the listener that asks for one."""

PROPERTIES = r"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{sasl},\
CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{sasl}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,\
SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_signals="{password}";
log.dirs={data}
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.ms=-1
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
"""
"""The last two: after a SIGKILL the next start waits for the session of the one before."""


class MissingError(Exception):
    """This machine cannot run a broker; the message says what it lacks."""


def cache() -> Path:
    """Where the jars are, or will be."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    return user / "delivery-signals" / f"kafka-{key}"


def jars() -> Path:
    """The folder with Kafka's jars; fetched by Maven the first time."""
    java_version()
    folder = cache()
    folder.parent.mkdir(parents=True, exist_ok=True)
    # several processes may want them at the same time
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    return folder


def java_version() -> int:
    """The major version of the Java on the PATH, if it can run the broker."""
    if not shutil.which("java"):
        raise MissingError(f"no `java` on the PATH: the broker needs Java {OLDEST_JAVA}")
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', said.stderr)
    version = int(found.group(1)) if found else 0
    if version < OLDEST_JAVA:
        raise MissingError(f"Java {version} is too old: the broker needs {OLDEST_JAVA}")
    return version


def _fetch(folder: Path) -> None:
    if not shutil.which("mvn"):
        raise MissingError("no `mvn` on the PATH: Maven fetches the broker's jars once")
    # whoever is interrupted leaves no half folder under the final name
    partial = Path(mkdtemp(prefix="fetch-", dir=folder.parent))
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        shutil.rmtree(partial)
        raise MissingError(f"Maven could not fetch the broker's jars: {done.stdout[-800:]}")
    partial.rename(folder)


class Broker:
    """One Kafka process and its data; `address` is what clients bootstrap from.

    A folder that a broker had before is gone on with.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "server.properties"
        self._log = folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self.sasl_port, controller = free_ports(3)
        self._config.write_text(
            PROPERTIES.format(
                port=self.port,
                sasl=self.sasl_port,
                controller=controller,
                data=folder / "data",
                password=PASSWORD,
            )
        )
        self._java = ["java", *JAVA, "-cp", f"{jars()}/*"]
        self._java.append(f"-Dlog4j2.configurationFile=file:{HERE / 'log4j2.properties'}")
        if not (folder / "data" / "meta.properties").exists():
            self._format()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def sasl_address(self) -> str:
        """Where a user and a password are asked for."""
        return f"127.0.0.1:{self.sasl_port}"

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process; returns when it answers for its metadata."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._config)],
                stdout=log,
                stderr=log,
                # Ctrl-C is for whoever started it, who stops it
                start_new_session=True,
                preexec_fn=end_with_us,  # noqa: PLW1509 - no thread of ours forks
            )
        deadline = time.monotonic() + READY_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the broker did not start: {self.log()[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask the process to end, as an operator would; its data stays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: what is not on disk is lost."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop if need be, then start on the same data and ports."""
        self.stop()
        self.start()

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                pass
            admin = KafkaAdminClient(
                bootstrap_servers=self.address,
                bootstrap_timeout_ms=2000,
                request_timeout_ms=5000,
            )
        except OSError:
            return False
        except KafkaError:
            # what the client leaves open shall not be a warning
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()
            return False
        try:
            return bool(admin.describe_cluster()["brokers"])
        except KafkaError:
            return False
        finally:
            admin.close()

    def _format(self) -> None:
        # as Kafka's own `random-uuid`, without waiting for one more Java
        cluster = "x"
        while not cluster[0].isalnum() or cluster == "x":
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [*self._java, "kafka.tools.StorageTool", "format"]
        command += ["-t", cluster, "-c", str(self._config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the broker's folder was not formatted: {done.stderr}")


def end_with_us() -> None:
    """Let Linux end a process with whoever started it, should that be killed before it can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
