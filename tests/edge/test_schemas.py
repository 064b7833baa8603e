import json
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

import pipeline
from pipeline.core.signals import TYPES, Defined
from pipeline.engine.schemas import DATA, stale_schemas, write_schemas

SCHEMAS = Path(pipeline.__file__).parent / "schemas"


def test_the_stored_schemas_are_fresh() -> None:
    """The schemas in the repository are those that the models give; `signals schema` renews."""
    assert stale_schemas(SCHEMAS) == []


def test_stale_schemas_are_found(tmp_path: Path) -> None:
    """What is written is fresh; a changed, a missing and a foreign file are named."""
    written = write_schemas(tmp_path)
    assert len(TYPES) == len(written)
    assert stale_schemas(tmp_path) == []
    written[0].write_text("{}", encoding="utf-8")
    written[1].unlink()
    foreign = tmp_path / "delivery.zzz.v1.json"
    foreign.write_text("{}", encoding="utf-8")
    assert [*written[:2], foreign] == stale_schemas(tmp_path)


def test_every_type_has_a_model() -> None:
    """The models of the wire and the records of the core know the same types."""
    assert set(TYPES) == set(DATA)


@pytest.mark.parametrize("name", [name for name in DATA if TYPES[name] is not Defined])
def test_models_and_records_have_the_same_fields(name: str) -> None:
    """A field of the core comes over the wire under its name, and is needed where it is."""
    record = {field.name: field for field in fields(TYPES[name])}
    # Says which fields came as null; no field of the wire.
    record.pop("cleared", None)
    model = DATA[name]
    assert set(record) == set(model.__annotations__)
    needed = {name for name, field in record.items() if field.default is MISSING}
    assert needed == model.__required_keys__


def test_schemas_say_what_is_required() -> None:
    """A schema names the type, its description and the fields that must be there."""
    schema = json.loads(
        (SCHEMAS / "delivery.link.asserted.v1.json").read_text(encoding="utf-8")
    )
    assert schema["title"] == "delivery.link.asserted.v1"
    assert schema["description"]
    assert schema["$defs"]["LinkAsserted"]["required"] == ["from", "to", "rel"]
