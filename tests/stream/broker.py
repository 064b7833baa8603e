"""The broker of the tests is that of `make stack`."""

from deploy.kafka.broker import PASSWORD, Broker, MissingError, free_ports

__all__ = ["PASSWORD", "Broker", "MissingError", "free_ports"]
