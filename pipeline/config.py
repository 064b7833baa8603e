"""Settings: every `SIGNALS_*` variable once, with its reason.

A setting comes from a flag, else the environment, else the settings file, else its default.
The settings file is TOML with the names of the fields, for example `data = "/var/signals"`; it
is named by `SIGNALS_SETTINGS`. What is measured (teams, goals, subjects) is no setting: it
stands in the file or folder that `SIGNALS_CONFIG` names, see `pipeline.definitions`.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
)

from pipeline.errors import ConfigError, Problem

PREFIX = "SIGNALS_"
"""Of every variable that is ours."""

MASK = "***"
"""Stands where a secret would."""


def _path(value: object) -> object:
    return Path(value).expanduser() if isinstance(value, str) else value


def _switch(value: object) -> object:
    words = {"on": True, "true": True, "yes": True, "1": True}
    words |= {"off": False, "false": False, "no": False, "0": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise ValueError("is neither on nor off")
    return words[str(value).lower()]


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("is no host:port")
    return value


def _addresses(value: str) -> str:
    for address in value.split(","):
        _address(address.strip())
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSecurity:
    """`SIGNALS_KAFKA_SECURITY`, taken apart: `protocol[://user:password@mechanism][?files]`.

    plaintext                                               a trial on one machine
    ssl?ca=/etc/ca.pem&cert=/etc/me.pem&key=/etc/me.key     encrypted; cert and key if asked for
    sasl_ssl://signals:secret@scram-sha-512?ca=/etc/ca.pem  encrypted, with user and password

    Without `ca` the certificates of the machine count. Signs in a password that mean something
    in a URL are written as there (`%40` is `@`).
    """

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    mechanism: str | None = None
    user: str | None = None
    password: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    @property
    def encrypted(self) -> bool:
        return self.protocol in {"SSL", "SASL_SSL"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise ValueError with what is wrong; never with the password."""
        name, _, rest = text.partition("://")
        if not rest:
            name, _, query = text.partition("?")
            rest = f"?{query}"
        protocol = name.lower()
        if protocol not in _PROTOCOLS:
            raise ValueError(f"begins with none of {', '.join(_PROTOCOLS)}")
        parts = urlsplit(f"//{rest}")
        sasl = protocol.startswith("sasl_")
        mechanism = (parts.hostname or "").upper()
        if sasl and not (mechanism in _MECHANISMS and parts.username and parts.password):
            known = ", ".join(_MECHANISMS).lower()
            raise ValueError(f"is no {protocol}://user:password@mechanism ({known})")
        if not sasl and parts.netloc:
            raise ValueError(f"has a user or a mechanism, which {protocol} does not know")
        files = dict(parse_qsl(parts.query))
        unknown = sorted(files.keys() - {"ca", "cert", "key"})
        if unknown or (files and "ssl" not in protocol):
            raise ValueError("takes ?ca=, cert= and key= after ssl and sasl_ssl, nothing else")
        if "key" in files and "cert" not in files:
            raise ValueError("has a key without its cert")
        return cls(
            protocol=_PROTOCOLS[protocol],
            mechanism=mechanism if sasl else None,
            user=unquote(parts.username or "") if sasl else None,
            password=unquote(parts.password or "") if sasl else None,
            **files,
        )


_PROTOCOLS: dict[str, Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]] = {
    "plaintext": "PLAINTEXT",
    "ssl": "SSL",
    "sasl_plaintext": "SASL_PLAINTEXT",
    "sasl_ssl": "SASL_SSL",
}

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def _security(value: str) -> str:
    KafkaSecurity.parse(value)
    return value


def _prefix(value: str) -> str:
    # Kafka's own rule; with underscores beside dots its metrics collide
    if not re.fullmatch(r"[a-zA-Z0-9.-]{1,100}", value):
        raise ValueError("may have letters, digits, dots and hyphens, at most 100")
    return value


def _salt(value: str) -> str:
    if len(value.strip()) < 16:
        raise ValueError("is shorter than 16 characters")
    return value


def _server(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port  # raises where it is no number
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("is no http(s)://user:password@host:port/database")
    return value


class Settings(BaseModel):
    """All settings of a process, checked; `origins` says where each came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Annotated[Path, BeforeValidator(_path)] | None = Field(
        None, description="settings file (TOML), for those who prefer it to variables"
    )
    data: Annotated[Path, BeforeValidator(_path)] = Field(
        Path(".signals"), description="directory of the local engine: embedded store and state"
    )
    config: Annotated[Path, BeforeValidator(_path)] | None = Field(
        None, description="teams, goals, subjects ...: a YAML file or a folder of them"
    )
    clickhouse_url: Annotated[str, AfterValidator(_server)] | None = Field(
        None, description="ClickHouse server; without it the store is embedded in `data`"
    )
    clickhouse_user: str | None = Field(
        None, description="user of the ClickHouse server, where the URL names none"
    )
    clickhouse_password: str | None = Field(
        None, description="password of that user, to keep it out of the URL"
    )
    clickhouse_ca: Annotated[Path, BeforeValidator(_path)] | None = Field(
        None, description="certificates (PEM) to trust for an https ClickHouse URL"
    )
    clickhouse_cluster: str | None = Field(
        None, description="cluster of one shard on which the tables are replicated"
    )
    kafka: Annotated[str, AfterValidator(_addresses)] | None = Field(
        None, description="bootstrap servers of a deployment, host:port, separated by commas"
    )
    kafka_security: Annotated[str, AfterValidator(_security)] = Field(
        "plaintext",
        description="how to talk to Kafka: plaintext, ssl?ca=FILE&cert=FILE&key=FILE,"
        " or sasl_ssl://user:password@scram-sha-512?ca=FILE",
    )
    kafka_prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        "signals.", description="begins every topic and group, so that two share one Kafka"
    )
    kafka_partitions: int = Field(
        8,
        ge=1,
        le=1000,
        description="of raw, inbox and state; never changes once there is data",
    )
    kafka_replication: int | None = Field(
        None, ge=1, description="copies of every topic; else what the brokers have as default"
    )
    kafka_raw_days: float = Field(
        7, gt=0, description="how long deliveries stay: the longest time parse may be away"
    )
    kafka_inbox_days: float = Field(
        7, gt=0, description="how long signals stay: the longest time react may be away"
    )
    kafka_rows_days: float = Field(
        7, gt=0, description="how long rows stay: the longest time ClickHouse may be away"
    )
    kafka_rejected_days: float = Field(
        30, gt=0, description="how long what was rejected stays, to be tried again"
    )
    kafka_state_lag_hours: float = Field(
        1,
        ge=1,
        description="how long the changelog keeps old values beside new ones: longer than a"
        " worker may be frozen",
    )
    kafka_record_bytes: int = Field(
        32 * 1024 * 1024,
        ge=1024 * 1024,
        le=96 * 1024 * 1024,
        description="largest record; GitHub sends up to 25 MB, Kafka takes less than 100 MiB",
    )
    state: Literal["memory", "rocksdb"] = Field(
        "memory",
        description="where workers keep what entities remember: memory, or rocksdb on the disk"
        " under `data`; Kafka has it too",
    )
    rejects_in_a_row: int = Field(
        5000,
        ge=0,
        description="rejected lines of a partition, one after the other, that stop a worker;"
        " 0: never",
    )
    rejects_share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="rejected share of 10,000 lines of a partition that stops a worker; 1: never",
    )
    reader_password: str | None = Field(
        None,
        min_length=1,
        description="password of the user `grafana`, who only reads: `signals migrate` makes it"
        " on a server",
    )
    salt: Annotated[str, AfterValidator(_salt)] | None = Field(
        None,
        description="key of pseudonyms, the same for all workers: 16 characters or more; else"
        " the file `salt` in `data`",
    )
    http: Annotated[str, AfterValidator(_address)] | None = Field(
        None, description="host:port of health, metrics and the embedded store's read-only HTTP"
    )
    ticker: Annotated[bool, BeforeValidator(_switch)] = Field(
        default=True, description="the minute clock; off where files bring their own ticks"
    )

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> Self:
        """Settings from flags (`overrides`; None = not given), environment and file.

        Raises ConfigError with every setting that cannot be used.
        """
        environ = os.environ if environ is None else environ
        given: dict[str, _Given] = {}
        flags = {name: value for name, value in (overrides or {}).items() if value is not None}
        named = flags.get("settings") or environ.get(variable("settings"))
        if named:
            given |= _from_file(Path(str(named)).expanduser())
        for name in cls.model_fields:
            # An empty variable is how compose files and CI say "not set".
            if text := environ.get(variable(name)):
                given[name] = _Given(text, f"environment {variable(name)}", None, None)
        for name, value in flags.items():
            given[name] = _Given(value, f"flag --{name.replace('_', '-')}", None, None)
        try:
            settings = cls.model_validate({name: one.value for name, one in given.items()})
        except ValidationError as error:
            raise ConfigError([_problem(one, given) for one in error.errors()]) from None
        settings._origins.update(  # noqa: SLF001 - of its own class
            {name: one.origin for name, one in given.items()}
        )
        return settings

    def origin(self, name: str) -> str:
        """Where a setting came from: default, file, environment or flag, with its place."""
        return self._origins.get(name, "default")

    @property
    def embedded(self) -> bool:
        """Whether the store is the embedded one: no server named, or `--data` given."""
        return self.clickhouse_url is None or self.origin("data").startswith("flag")

    def shown(self) -> list["Shown"]:
        """Every setting as `signals config show` prints it, secrets masked."""
        return [
            Shown(
                name=name,
                variable=variable(name),
                value=masked(name, getattr(self, name)),
                origin=self.origin(name),
                reason=field.description or "",
            )
            for name, field in type(self).model_fields.items()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One line of `signals config show`."""

    name: str
    variable: str
    value: str | None
    origin: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Given:
    """A value before it is checked, and where it stands."""

    value: object
    origin: str
    file: str | None
    line: int | None


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def masked(name: str, value: Any) -> str | None:
    """A value as it may be shown: without what a reader must not learn."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "on" if value else "off"
    if name.endswith("password") or name == "salt":
        return MASK
    text = str(value)
    if name == "kafka_security":
        return _masked_security(text)
    if name != "clickhouse_url":
        return text
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK
    if not parts.scheme or not host:
        return MASK  # not a URL: nobody knows which part is the secret
    user = f"{parts.username or ''}:{MASK}@" if "@" in parts.netloc else ""
    query = re.sub(
        r"(?i)((?:password|token|key|secret)[^=&]*=)[^&]*", rf"\1{MASK}", parts.query
    )
    return urlunsplit(parts._replace(netloc=user + host, query=query))


def _masked_security(text: str) -> str:
    try:
        security = KafkaSecurity.parse(text)
    except ValueError:
        return MASK if set(":@") & set(text) else text
    if security.password is None:
        return text
    protocol, _, rest = text.partition("://")
    user, _, secret = rest.partition(":")
    return f"{protocol}://{user}:{MASK}@{secret.rpartition('@')[2]}"


def _from_file(path: Path) -> dict[str, _Given]:
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([_unreadable(path, error)]) from None
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found.group(1)) if found else None
        said = re.sub(r" \(at .*\)$", "", str(error))
        raise ConfigError(
            [
                Problem(
                    file=str(path),
                    line=line,
                    message=f"is no TOML: {said[:1].lower()}{said[1:]}",
                )
            ]
        ) from None
    given = {}
    for name, value in values.items():
        line = _line_of(name, text)
        given[name] = _Given(value, f"file {path}:{line}", str(path), line)
    if "settings" in given:
        # A file that names a file would make two places for one setting.
        raise ConfigError(
            [
                Problem(
                    file=str(path),
                    line=given["settings"].line,
                    key="settings",
                    message="a settings file cannot name another one",
                    remedy="remove the line",
                )
            ]
        )
    return given


def _unreadable(path: Path, error: OSError | UnicodeDecodeError) -> Problem:
    reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
    return Problem(
        file=str(path),
        message=f"the settings file cannot be read: {reason}",
        remedy=f"correct {variable('settings')}, or unset it",
    )


def _line_of(name: str, text: str) -> int | None:
    """The line of a key in a flat TOML file."""
    key = re.compile(rf"\s*(\[?\[?\s*)?[\"']?{re.escape(name)}[\"']?\s*[.=\]]")
    return next((n for n, line in enumerate(text.splitlines(), 1) if key.match(line)), None)


def _problem(error: Any, given: Mapping[str, _Given]) -> Problem:
    name = str(error["loc"][0])
    one = given[name]
    by_variable = one.origin.startswith("environment")
    key = variable(name) if by_variable else name
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, Settings.model_fields, n=1)
        known = ", ".join(Settings.model_fields)
        return Problem(
            file=one.file,
            line=one.line,
            key=key,
            message="unknown setting",
            remedy=f"did you mean `{close[0]}`?" if close else f"known: {known}",
        )
    said = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return Problem(
        file=one.file,
        line=one.line,
        key=key,
        # A table is where no setting is one; it may hold anything.
        value=None if isinstance(one.value, dict | list) else masked(name, one.value),
        message=said,
        remedy=Settings.model_fields[name].description or "",
    )
