"""What is refused, and how: each with a message in OpenAI's shape, never a failure of ours."""

import json
import socket

import httpx
import openai
import pytest

from prosa.server.settings import Settings

from .conftest import KEY, Kept, serving

CHAT = {"model": "chat", "messages": [{"role": "user", "content": "Onde o gato dorme?"}]}
TEXT = {"model": "decoder", "prompt": "O ", "max_tokens": 2}
VECTORS = {"model": "decoder", "input": "O "}
PLACES = {"chat/completions": CHAT, "completions": TEXT, "embeddings": VECTORS}

WRONG = [
    *[(CHAT, "messages", value) for value in ([], "Olá", [{}], [None], {"role": "user"}, None)],
    (CHAT, "messages", [{"role": "user"}]),
    (CHAT, "messages", [{"role": "user", "content": 7}]),
    (CHAT, "messages", [{"role": "user", "content": None}]),
    (CHAT, "messages", [{"role": "<b>", "content": "x"}]),
    (CHAT, "messages", [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]),
    (CHAT, "messages", [{"role": "user", "content": "x "}] * 1_001),
    (CHAT, "messages", [{"role": "user", "content": "muito " * 100}]),
    (CHAT, "max_completion_tokens", 0),
    (CHAT, "max_completion_tokens", 1 << 20),
    (CHAT, "logprobs", 3),
    (CHAT, "top_logprobs", 21),
    (CHAT, "top_logprobs", -1),
    (CHAT, "response_format", {"type": "json_object"}),
    (CHAT, "tools", [{"type": "function"}]),
    (CHAT, "stream_options", {"include_usage": "talvez"}),
    (CHAT, "model", "encoder"),
    *[(TEXT, "prompt", value) for value in (7, {}, [], [[]], [7], ["a", 7])],
    (TEXT, "prompt", "O menino " * 20),
    (TEXT, "prompt", ["O "] * 17),
    (TEXT, "model", "encoder"),
    (TEXT, "logprobs", 6),
    (TEXT, "logprobs", "muito"),
    (TEXT, "echo", True),
    (TEXT, "suffix", "fim"),
    (TEXT, "best_of", 2),
    *[(TEXT, "max_tokens", value) for value in (0, -1, 1.5, "x", 10**30, 1 << 20)],
    *[(TEXT, "temperature", value) for value in (-0.1, 2.1, "quente", [], "NaN")],
    *[(TEXT, "top_p", value) for value in (0, -1, 1.01, {})],
    *[(TEXT, "top_k", value) for value in (-1, 0.5)],
    *[(TEXT, "repetition_penalty", value) for value in (0, 11)],
    *[(TEXT, "seed", value) for value in (1 << 63, 0.5, "um")],
    *[(TEXT, "n", value) for value in (0, -1, 17, 129)],
    *[(TEXT, "stop", value) for value in (7, [7], ["a"] * 17, "a" * 201)],
    *[(TEXT, "stream", value) for value in (7, "talvez", [])],
    *[(TEXT, name, 0.5) for name in ("presence_penalty", "frequency_penalty")],
    (TEXT, "logit_bias", {"5": 100}),
    *[(TEXT, "model", value) for value in (7, "", None, [], "m" * 1_001)],
    *[(VECTORS, "input", value) for value in (7, [], [7], [[1, 2]], ["a"] * 257, None)],
    (VECTORS, "encoding_format", "hex"),
    (VECTORS, "dimensions", 3),
    (VECTORS, "dimensions", 0),
    (VECTORS, "model", "ngram"),
    (VECTORS, "model", "faq"),
    ({"model": "faq", "prompt": "x"}, "prompt", ["a", "b"]),
    ({"model": "faq", "prompt": "x"}, "prompt", "   "),
]


@pytest.fixture(scope="module")
def session(url):
    with httpx.Client(base_url=url, timeout=30) as made:
        yield made


def told(response, status):
    """The message of an error, which has OpenAI's shape."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert len(error["message"]) < 1_000
    return error["message"]


def path_of(body):
    return next(f"/v1/{name}" for name, own in PLACES.items() if set(own) & set(body) - {"model"})


@pytest.mark.parametrize(("body", "field", "value"), WRONG)
def test_a_wrong_field(session, body, field, value):
    told(session.post(path_of(body), json={**body, field: value}), 400)


@pytest.mark.parametrize("place", PLACES)
def test_a_missing_field_is_named(session, place):
    for field in {"model", "messages", "input"} & set(PLACES[place]):
        body = {name: value for name, value in PLACES[place].items() if name != field}
        assert told(session.post(f"/v1/{place}", json=body), 400).startswith(field)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"texto"',
        b"\xff\xfe{}",
        b'{"model": "\xff"}',
        b'{"model": "\\ud800", "prompt": "\\ud800", "input": "\\ud800", "messages": []}',
        b'{"model": "decoder", "temperature": NaN, "prompt": "O", "input": 1, "messages": 1}',
        b'{"model": "decoder", "temperature": Infinity, "prompt": "O", "input": 1, "messages": 1}',
        b'{"model": "decoder", "seed": ' + b"9" * 5_000 + b"}",
        b"[" * 100_000,
        b'{"model":' * 50_000,
    ],
    ids=range(14),
)
def test_a_body_that_is_no_request(session, place, body):
    headers = {"Content-Type": "application/json"}
    told(session.post(f"/v1/{place}", content=body, headers=headers), 400)


@pytest.mark.parametrize("body", [b"{", b'{"model": "\xff"}', b""])
def test_what_is_wrong_with_a_body_is_said(session, body):
    headers = {"Content-Type": "application/json"}
    what = told(session.post("/v1/completions", content=body, headers=headers), 400)
    assert what.startswith("The body is not JSON" if body else "body: ")


def test_types_that_were_tried_are_not_named(session):
    body = {"model": "decoder", "messages": [{"role": "user", "content": 7}]}
    what = told(session.post("/v1/chat/completions", json=body), 400)
    assert what.startswith("messages.0.content: ")


@pytest.mark.parametrize("place", PLACES)
def test_a_body_of_ten_megabytes(session, place):
    content = json.dumps({**PLACES[place], "prompt": "a" * 10_000_000}).encode()
    assert "1048576" in told(session.post(f"/v1/{place}", content=content), 413)

    def parts():
        for start in range(0, len(content), 65_536):
            yield content[start : start + 65_536]

    headers = {"Content-Type": "application/json"}
    assert "1048576" in told(session.post(f"/v1/{place}", content=parts(), headers=headers), 413)


def test_a_long_prompt_for_a_model_without_a_limit(client):
    with pytest.raises(openai.BadRequestError, match="this server reads 8192"):
        client.completions.create(model="lstm", prompt="a " * 5_000)


def test_an_unknown_model_gets_the_list(session):
    for place, body in PLACES.items():
        name = "<script>alert(1)</script>../../etc/passwd"
        response = session.post(f"/v1/{place}", json={**body, "model": name})
        assert "chat, decoder, encoder" in told(response, 404)
        assert response.headers["content-type"] == "application/json"
        assert response.json()["error"]["code"] == "model_not_found"


def test_html_in_a_prompt_is_text(session):
    body = {**CHAT, "messages": [{"role": "user", "content": "<b>x</b>"}]}
    response = session.post("/v1/chat/completions", json=body)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"


def test_routes_and_methods_that_are_not_there(session):
    told(session.get("/v1/nothing"), 404)
    told(session.get("/"), 404)
    told(session.get("/v1/completions"), 405)
    told(session.delete("/v1/models"), 405)
    told(session.get("/docs"), 404)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8000"},
        {"Host": "192.168.0.7"},
        {"Host": "localhost.evil.example"},
        {"Host": "user@localhost"},
        {"Host": "[::1"},
        {"Host": ""},
        {"Host": "localhost:porta"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_a_page_of_somebody_else_is_kept_out(session, headers):
    told(session.get("/v1/models", headers=headers), 403)
    told(session.post("/v1/completions", json=TEXT, headers=headers), 403)


def test_no_page_elsewhere_is_allowed_by_cors(session):
    response = session.options(
        "/v1/models",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"},
    )
    told(response, 403)
    assert not any(name.startswith("access-control") for name in response.headers)


def test_the_server_s_own_names_and_pages_are_let_in(session, url):
    port = url.rpartition(":")[2]
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", "127.0.0.1", f"[::1]:{port}"):
        assert session.get("/v1/models", headers={"Host": host}).status_code == 200
    assert session.get("/v1/models", headers={"Origin": url}).status_code == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert session.get("/health", headers=link).status_code == 200


def test_without_a_host_nothing_is_said(url):
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(b"GET /v1/models HTTP/1.0\r\n\r\n")
        assert b" 403 " in sock.recv(1_000)


def test_a_key_is_wanted_and_further_names_are_known(engines):
    settings = Settings(KEY, local=False, allowed_hosts=("prosa.example",))
    with serving(Kept(engines), settings) as address, httpx.Client(base_url=address) as session:
        right = {"Authorization": f"Bearer {KEY}"}
        for given in ({}, {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}):
            assert KEY not in told(session.get("/v1/models", headers=given), 401)
        for wrong in (KEY[:-1], f"{KEY}0", "ç", KEY.upper()):
            given = {"Authorization": f"Bearer {wrong}".encode("latin-1")}
            told(session.post("/v1/completions", json=TEXT, headers=given), 401)
        told(session.get("/metrics"), 401)
        assert session.get("/health").status_code == 200
        assert session.get("/v1/models", headers=right).status_code == 200
        for host in ("prosa.example", "192.168.0.7:80"):
            assert session.get("/v1/models", headers={**right, "Host": host}).status_code == 200
        told(session.get("/v1/models", headers={**right, "Host": "evil.example"}), 403)
        page = {**right, "Origin": "https://prosa.example"}
        assert session.get("/v1/models", headers=page).status_code == 200


def test_uploads_have_a_limit_of_their_own(engines):
    settings = Settings(upload_paths=("/upload",), max_upload=3 << 20)
    with serving(Kept(engines), settings) as address, httpx.Client(base_url=address) as session:
        told(session.post("/upload", content=b"x" * (2 << 20)), 404)
        told(session.post("/upload", content=b"x" * (4 << 20)), 413)
        told(session.post("/v1/completions", content=b"x" * (2 << 20)), 413)
