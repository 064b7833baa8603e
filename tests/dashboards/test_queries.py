"""Every query of every dashboard, asked of real stores."""

import pytest

from dashboards import provisioning
from pipeline.store.client import Store
from tests.dashboards.asked import answers, first, options, unfit

DASHBOARDS = provisioning.dashboards()


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_every_query_answers_what_its_panel_draws(uid: str, store: Store) -> None:
    """Panels and variables are answered in the types that they need, however little is known."""
    body = DASHBOARDS[uid]
    choices = first(body, options(body, store))
    found = list(answers(body, store, choices))
    assert len(found) == sum(len(panel.get("targets", [])) for panel in body["panels"])
    assert [wrong for answer in found for wrong in unfit(answer)] == []
