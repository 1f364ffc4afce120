"""Small models of the contract, shared."""

import pytest
from tests.models.conftest import encoder_model, pair_model


@pytest.fixture(scope="session")
def encoder():
    return encoder_model()


@pytest.fixture(scope="session", params=["seq2seq", "encoder-decoder"])
def paired(request):
    return pair_model(request.param)
