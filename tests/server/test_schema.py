"""Whatever the OpenAPI document allows, and much that it does not, is answered without a 5xx."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

ROUTES = ("health", "metrics", "v1/models", "v1/models/{name}")
ASKED = ("v1/chat/completions", "v1/completions", "v1/embeddings")


@pytest.fixture(scope="module")
def operations(url):
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    found = [one.ok() for one in schema.get_all_operations()]
    return {one.path.strip("/"): one for one in found}


@pytest.mark.parametrize(
    ("route", "mode"),
    [
        *((route, GenerationMode.POSITIVE) for route in (*ROUTES, *ASKED)),
        *((route, GenerationMode.NEGATIVE) for route in ASKED),
    ],
)
def test_no_request_makes_the_server_fail(operations, route, mode):
    seen = set()

    @settings(
        max_examples=15 if route in ASKED else 3,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operations[route].as_strategy(generation_mode=mode))
    def check(case):
        if isinstance(case.body, dict) and "model" in case.body:
            case.body["model"] = "lstm"  # else nothing is ever found
        response = case.call()
        seen.add(response.status_code)
        assert response.status_code < 500
        assert response.status_code < 400 or response.json()["error"]["message"]

    check()
    assert seen
    assert mode is GenerationMode.NEGATIVE or route not in ASKED or 200 in seen


def test_the_document_names_every_route(operations):
    assert set(operations) == {*ROUTES, *ASKED}
