"""Settings come from flags, the environment, a file or defaults, in this order."""

from pathlib import Path

import pytest

from pipeline.config import KafkaSecurity, Settings, variable
from pipeline.errors import ConfigError


def test_defaults() -> None:
    """Without anything the local engine works in .signals."""
    settings = Settings.load({})
    assert settings.data == Path(".signals")
    assert settings.embedded
    assert settings.ticker
    assert settings.origin("data") == "default"


def test_order(tmp_path: Path) -> None:
    """A flag beats a variable, a variable the file; each value knows where it came from."""
    file = tmp_path / "settings.toml"
    file.write_text('# ours\ndata = "/file"\nkafka = "file:9092"\nticker = false\n')
    environ = {"SIGNALS_SETTINGS": str(file), "SIGNALS_DATA": "/env", "SIGNALS_KAFKA": "env:1"}
    settings = Settings.load(environ, {"data": Path("/flag"), "config": None})
    assert settings.data == Path("/flag")
    assert settings.kafka == "env:1"
    assert not settings.ticker
    assert [settings.origin(name) for name in ("data", "kafka", "ticker", "config")] == [
        "flag --data",
        "environment SIGNALS_KAFKA",
        f"file {file}:4",
        "default",
    ]


def test_empty_variable() -> None:
    """An empty variable is not set."""
    assert Settings.load({"SIGNALS_DATA": ""}).origin("data") == "default"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SIGNALS_HTTP", "8080", "is no host:port"),
        ("SIGNALS_HTTP", "localhost:http", "is no host:port"),
        ("SIGNALS_KAFKA", "a:9092,b", "is no host:port"),
        ("SIGNALS_TICKER", "sometimes", "is neither on nor off"),
        ("SIGNALS_KAFKA_SECURITY", "tls", "begins with none of plaintext, ssl, sasl_plaintext"),
        ("SIGNALS_KAFKA_SECURITY", "sasl_ssl", "is no sasl_ssl://user:password@mechanism"),
        ("SIGNALS_KAFKA_SECURITY", "sasl_ssl://u:p@md5", "is no sasl_ssl://user:password@mech"),
        ("SIGNALS_KAFKA_SECURITY", "ssl://u:p@plain", "has a user or a mechanism"),
        ("SIGNALS_KAFKA_SECURITY", "ssl?pem=a", "takes ?ca=, cert= and key="),
        ("SIGNALS_KAFKA_SECURITY", "plaintext?ca=a", "takes ?ca=, cert= and key="),
        ("SIGNALS_KAFKA_SECURITY", "ssl?key=a", "has a key without its cert"),
        ("SIGNALS_KAFKA_PREFIX", "a_b", "may have letters, digits, dots and hyphens"),
        ("SIGNALS_KAFKA_PARTITIONS", "0", "should be greater than or equal to 1"),
        ("SIGNALS_KAFKA_STATE_LAG_HOURS", "0.5", "should be greater than or equal to 1"),
        ("SIGNALS_CLICKHOUSE_URL", "localhost:8123", "is no http(s)://"),
        ("SIGNALS_CLICKHOUSE_URL", "http://h:port", "is no http(s)://"),
    ],
)
def test_refused(name: str, value: str, said: str) -> None:
    """A value that cannot be used is refused with the name of its variable."""
    with pytest.raises(ConfigError) as refused:
        Settings.load({name: value})
    assert refused.value.key == name
    assert refused.value.problems[0].message.startswith(said)


def test_secret_not_told() -> None:
    """Not even an error tells a password."""
    with pytest.raises(ConfigError) as refused:
        Settings.load({"SIGNALS_CLICKHOUSE_URL": "ftp://u:hunter2@host"})
    assert "hunter2" not in str(refused.value)
    with pytest.raises(ConfigError) as refused:
        Settings.load({"SIGNALS_CLICKHOUSE_URL": "u:hunter2@host"})
    assert "hunter2" not in str(refused.value)
    for text in ("sasl_ssl://u:hunter2@md5", "u:hunter2", "sasl_ssl://u:hunter2"):
        with pytest.raises(ConfigError) as refused:
            Settings.load({"SIGNALS_KAFKA_SECURITY": text})
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "shown", "parsed"),
    [
        ("plaintext", "plaintext", KafkaSecurity(protocol="PLAINTEXT")),
        ("SSL", "SSL", KafkaSecurity(protocol="SSL")),
        (
            "ssl?ca=/etc/ca.pem&cert=me.pem&key=me.key",
            "ssl?ca=/etc/ca.pem&cert=me.pem&key=me.key",
            KafkaSecurity(protocol="SSL", ca="/etc/ca.pem", cert="me.pem", key="me.key"),
        ),
        (
            "sasl_ssl://u:p%40ss:w@scram-sha-512?ca=ca.pem",
            "sasl_ssl://u:***@scram-sha-512?ca=ca.pem",
            KafkaSecurity(
                protocol="SASL_SSL",
                mechanism="SCRAM-SHA-512",
                user="u",
                password="p@ss:w",
                ca="ca.pem",
            ),
        ),
    ],
)
def test_kafka_security(text: str, shown: str, parsed: KafkaSecurity) -> None:
    """One setting says how to talk to Kafka; its password is not shown."""
    settings = Settings.load({"SIGNALS_KAFKA_SECURITY": text})
    assert KafkaSecurity.parse(settings.kafka_security) == parsed
    (line,) = [line for line in settings.shown() if line.name == "kafka_security"]
    assert line.value == shown


def test_all_problems() -> None:
    """All settings that cannot be used are told at once."""
    with pytest.raises(ConfigError) as refused:
        Settings.load({"SIGNALS_HTTP": "x", "SIGNALS_TICKER": "x"})
    assert [problem.key for problem in refused.value.problems] == [
        "SIGNALS_HTTP",
        "SIGNALS_TICKER",
    ]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('\ndatta = "x"\n', 2, "datta: unknown setting; did you mean `data`?"),
        ("data = \n", 1, "is no TOML: invalid value"),
        ('a = 1\nsettings = "other"\n', 2, "settings: a settings file cannot name another one"),
        ('[kafka]\nservers = "x"\n', 1, "kafka: should be a valid string"),
    ],
)
def test_bad_file(tmp_path: Path, text: str, line: int, said: str) -> None:
    """A mistake in the settings file is told with its line."""
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        Settings.load({}, {"settings": str(file)})
    assert refused.value.line == line
    assert str(refused.value).startswith(f"{file}:{line}: {said}")


def test_missing_file() -> None:
    """A settings file that is named must be there."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml: the settings file cannot be read"):
        Settings.load({"SIGNALS_SETTINGS": "nowhere.toml"})


def test_shown() -> None:
    """Every setting is shown with its variable, origin and reason, and without its secret."""
    url = "https://signals:hunter2@ch.example:8443/main?password=hunter2&secure=1"
    shown = Settings.load({"SIGNALS_CLICKHOUSE_URL": url}).shown()
    assert [line.variable for line in shown] == [
        variable(name) for name in Settings.model_fields
    ]
    assert all(line.reason for line in shown)
    assert "hunter2" not in repr(shown)
    (server,) = [line for line in shown if line.name == "clickhouse_url"]
    assert server.value == "https://signals:***@ch.example:8443/main?password=***&secure=1"
    assert server.origin == "environment SIGNALS_CLICKHOUSE_URL"


@pytest.mark.parametrize(
    ("environ", "flags", "embedded"),
    [
        ({}, {}, True),
        ({"SIGNALS_CLICKHOUSE_URL": "http://ch:8123"}, {}, False),
        ({"SIGNALS_CLICKHOUSE_URL": "http://ch:8123", "SIGNALS_DATA": "d"}, {}, False),
        ({"SIGNALS_CLICKHOUSE_URL": "http://ch:8123"}, {"data": "d"}, True),
    ],
)
def test_embedded(environ: dict[str, str], flags: dict[str, object], *, embedded: bool) -> None:
    """A server that is named is used, unless a directory is asked for by flag."""
    assert Settings.load(environ, flags).embedded is embedded


def test_salt() -> None:
    """The key of pseudonyms is masked where settings are shown, and no short word."""
    settings = Settings.load({"SIGNALS_SALT": "correct horse battery staple"})
    (shown,) = [one for one in settings.shown() if one.name == "salt"]
    assert shown.value == "***"
    with pytest.raises(ConfigError, match="shorter than 16") as refused:
        Settings.load({"SIGNALS_SALT": "s3cret"})
    assert "s3cret" not in str(refused.value)
