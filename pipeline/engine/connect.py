"""How clients reach Kafka, from the settings: one set of options for each library."""

import ssl
from typing import Any

from pipeline.config import KafkaSecurity, Settings, variable
from pipeline.errors import ConfigError, Problem

START_WITHIN = 6.0
"""Seconds in which a broker must have answered; wrong settings shall fail at the start."""


def client_options(settings: Settings) -> dict[str, Any]:
    """What every client of aiokafka and of kafka-python takes; they share the names.

    Raises ConfigError where no broker is named or a certificate cannot be read.
    """
    security = KafkaSecurity.parse(settings.kafka_security)
    options: dict[str, Any] = {
        "bootstrap_servers": servers(settings),
        "security_protocol": security.protocol,
    }
    if security.encrypted:
        options["ssl_context"] = ssl_context(security)
    if security.mechanism:
        options |= {
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.user,
            "sasl_plain_password": security.password,
        }
    return options


def servers(settings: Settings) -> list[str]:
    """The brokers to begin with."""
    if settings.kafka is None:
        raise ConfigError(
            [
                Problem(
                    key=variable("kafka"),
                    message="is not set, so there is no Kafka to talk to",
                    remedy="name its bootstrap servers: host:port, separated by commas",
                )
            ]
        )
    return [server.strip() for server in settings.kafka.split(",")]


def ssl_context(security: KafkaSecurity) -> ssl.SSLContext:
    """Certificates as the setting names them; the host name is always checked."""
    try:
        context = ssl.create_default_context(cafile=security.ca)
        if security.cert:
            context.load_cert_chain(security.cert, security.key)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(filter(None, (security.ca, security.cert, security.key)))
        raise ConfigError(
            [
                Problem(
                    key=variable("kafka_security"),
                    message=f"{files}: {error.strerror or error}",
                    remedy="name readable PEM files",
                )
            ]
        ) from None
    return context
