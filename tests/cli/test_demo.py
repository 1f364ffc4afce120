"""The tour, at a hundredth of its length."""

import functools
import json


def test_the_tour_from_stories_to_a_chat(prosa, tmp_path, monkeypatch):
    from prosa.verbs import demo

    toured = functools.cache(demo.demo)  # the second tour shows what the first one found
    monkeypatch.setattr(demo, "demo", lambda listen, scale: toured(scale=scale))
    (tmp_path / "runs" / "demo-ngram").mkdir(parents=True)  # of an earlier tour: it is replaced
    code, out, err = prosa("demo", "--scale", "0.01", "--json")
    assert code == 0, err
    result = json.loads(out.splitlines()[-1])
    causal = [row for row in result["models"] if row["comparable"]]
    assert [row["family"] for row in causal] == ["ngram", "rnn", "lstm", "gru", "decoder"]
    for row in causal:
        assert 0 < row["bits_per_byte"] < 8
        assert set(row["probes"]) == {"agreement", "name", "object", "place", "ending", "all"}
    assert set(result["baselines"]) == {"untrained", "most said", "last said", "first said"}
    for shares in result["baselines"].values():
        assert set(shares) == {"agreement", "name", "object", "place", "ending", "all"}
    assert {row["name"] for row in causal} <= set(result["prompts"][0]["answers"])
    assert [answer["seen"] for answer in result["answers"]] == [True, True, False, False]
    runs = {path.name for path in (tmp_path / "runs").iterdir()}
    assert runs == {*(row["name"] for row in result["models"]), "demo-chat"}
    code, out, err = prosa("demo", "--scale", "0.01", "--lang", "pt")
    assert code == 0, err
    assert "bits/byte" in out
    assert "prosa train seu-arquivo.csv" in out
    assert max(map(len, out.splitlines())) <= 100
    tables = out[out.index("bits/byte") :]
    assert max(map(len, tables.splitlines())) <= 80
