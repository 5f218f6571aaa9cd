"""The OpenAPI document against the API: generated requests, single and in chains of links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from api.app import create_app

QUICK = 4
LONG = 60

_CONFIG = {
    "generation": {"deterministic": True},
    "checks": {
        # a filter may name an entry, or ask for a page, that there is not: no schema knows which
        "positive_data_acceptance": {"expected-statuses": [200, 301, 404, 406, 410, 422]},
        # HEAD is answered like GET and not listed; the others are 405 with Allow
        "unsupported_method": {"enabled": True},
    },
}


@pytest.fixture(scope="module")
def schema(file: Path) -> Iterator[Any]:
    app = create_app(file)
    loaded = schemathesis.openapi.from_asgi(
        "/v1/openapi.json", app, config=SchemathesisConfig.from_dict(_CONFIG)
    )
    yield loaded
    app.state.reader.close()


def settings(examples: int) -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def check_every_operation(schema: Any, examples: int) -> None:
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if (
                mode is GenerationMode.NEGATIVE
                and not operation.query
                and not operation.path_parameters
            ):
                continue  # nothing that could be wrong

            @settings(examples)
            @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                case.call_and_validate()

            check()


def check_chains(schema: Any, examples: int) -> None:
    machine = schema.as_state_machine()
    hypothesis.stateful.run_state_machine_as_test(
        machine, settings=hypothesis.settings(settings(examples), stateful_step_count=5)
    )


def test_every_operation(schema: Any) -> None:
    check_every_operation(schema, QUICK)


def test_chains_of_links(schema: Any) -> None:
    check_chains(schema, QUICK)


@pytest.mark.slow
def test_every_operation_at_length(schema: Any) -> None:
    check_every_operation(schema, LONG)


@pytest.mark.slow
def test_chains_of_links_at_length(schema: Any) -> None:
    check_chains(schema, LONG)
