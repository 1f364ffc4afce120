"""The tour, at a hundredth of its length."""

import json


def test_the_tour_from_stories_to_a_chat(prosa, tmp_path):
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
    # A second tour replaces the first, and shows itself in Portuguese.
    code, out, err = prosa("demo", "--scale", "0.01", "--lang", "pt")
    assert code == 0, err
    assert "bits/byte" in out
    assert "prosa train seu-arquivo.csv" in out
    assert max(map(len, out.splitlines())) <= 100
    tables = out[out.index("bits/byte") :]
    assert max(map(len, tables.splitlines())) <= 80
