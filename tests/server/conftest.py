"""A real server in a thread, on a free port, over tiny models of every family."""

import json
import shutil
import threading
from contextlib import contextmanager

import openai
import pytest
from tests.fixtures import NOUNS, TINY, VERBS
from tests.models.conftest import character_tokenizer, encoder_model, pair_model, small_model

from prosa.cli.app import run as command
from prosa.models.pretrained import save
from prosa.server.app import build
from prosa.server.engines import Engines, on_disk
from prosa.server.run import listen, server
from prosa.server.settings import Settings
from prosa.verbs.answering import index

KEY = "segredo-ç".encode().hex()
CONTINUING = ("ngram", "rnn", "lstm", "gru", "decoder")
FROM_SOURCE = ("seq2seq", "encoder-decoder")


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """A folder of models, one of each family by its name, a chat model and an index."""
    folder = tmp_path_factory.mktemp("runs")
    tokenizer = character_tokenizer()
    made = {name: small_model(name, tokenizer) for name in CONTINUING}
    made |= {name: pair_model(name) for name in FROM_SOURCE} | {"encoder": encoder_model()}
    for name, one in made.items():
        save(one.model, one.tokenizer, folder / name)
    data = folder.parent / "faq.csv"
    rows = [f"Onde o {n} {v}?,O {n} {v} no jardim." for n in NOUNS for v in VERBS]
    data.write_text("\n".join(["Pergunta,Resposta", *rows]) + "\n", encoding="utf-8")
    assert (
        command(
            ["train", str(data), "-o", str(folder / "chat"), *TINY["decoder"], "--context", "64"]
        )
        == 0
    )
    index(data, folder / "faq")
    return folder


@pytest.fixture(scope="session")
def endless(root):
    """A folder with a model that never ends a text by itself."""
    folder = root.parent / "endless"
    shutil.copytree(root / "lstm", folder / "endless")
    for name in ("config.json", "generation_config.json"):
        path = folder / "endless" / name
        values = json.loads(path.read_text("utf-8")) | {"eos_token_id": None}
        path.write_text(json.dumps(values), "utf-8")
    return folder


@pytest.fixture(scope="session")
def engines(root):
    """All of them, loaded once for the whole session."""
    made = Engines(lambda: on_disk(root))
    yield made
    made.close()


class Kept:
    """Engines that the end of one server does not give back."""

    def __init__(self, engines):
        self._engines = engines

    def __getattr__(self, name):
        return getattr(self._engines, name)

    def close(self):
        pass


class Address(str):
    """A server's address, and the server itself."""

    server = thread = None


@contextmanager
def serving(engines, settings=Settings()):  # noqa: B008
    sock = listen("127.0.0.1", 0)
    served = server(build(engines, settings), grace=5)
    thread = threading.Thread(target=served.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        address = Address(f"http://127.0.0.1:{sock.getsockname()[1]}")
        address.server, address.thread = served, thread
        yield address
    finally:
        served.should_exit = True
        thread.join(10)
        sock.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def url(engines):
    """The address of a server that asks for no key."""
    with serving(Kept(engines)) as address:
        yield address


@pytest.fixture(scope="session")
def client(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=30) as made:
        yield made
