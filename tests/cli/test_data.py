"""prosa inspect and prepare, and what becomes of bad input."""

import json

import pytest

KEYS = ["kind", "columns", "records", "kept", "dropped", "repaired", "bytes", "splits"]


def test_inspect_prints_the_documented_keys(prosa_json, lines_file):
    result = prosa_json("inspect", lines_file)
    assert list(result) == KEYS
    assert list(result["dropped"]) == [
        "empty",
        "placeholder",
        "exact_duplicates",
        "near_duplicates",
    ]
    assert sum(result["splits"].values()) == result["kept"]


def test_inspect_shows_how_the_data_reads(prosa, faq_file):
    code, out, _err = prosa("inspect", faq_file)
    assert code == 0
    assert "question-answer" in out
    assert "Pergunta" in out
    assert "prosa train" in out


def test_filters_are_counted_by_reason_and_shown(prosa, prosa_json, tmp_path):
    lines = [f"A canção número {number} fala da chuva e do rio." for number in range(60)]
    lines += ["oi", "Veja https://loja.exemplo/promocao/agora", "que chuchu bonito é esse"]
    (tmp_path / "f.txt").write_text("\n".join(lines), "utf-8")
    (tmp_path / "lista.txt").write_text("Chuchu # ruim\n", "utf-8")
    flags = ["--filter", "short=3,links", "--filter", "blocked=lista.txt"]
    result = prosa_json("inspect", "f.txt", *flags)
    assert result["filters"] == {"short": 1, "links": 1, "blocked": 1}
    assert result["dropped"]["filtered"] == 3
    assert result["kept"] == 60
    out = prosa("inspect", "f.txt", *flags)[1]
    assert "1 too short" in out
    assert "que c*** bonito" in out
    assert "chuchu" not in out
    prepared = prosa_json("prepare", "f.txt", "-o", "pronto", *flags)
    assert prepared["filters"] == result["filters"]
    (tmp_path / "s.yaml").write_text("filter: [short=3, 'links,blocked=lista.txt']\n", "utf-8")
    for given in (flags, ["--config", "s.yaml"]):
        trained = prosa_json("train", "f.txt", "--family", "ngram", "--overwrite", *given)
        assert trained["documents"] == result["splits"]["train"]
    assert "(test)" in prosa("evaluate", "f-ngram", "f.txt")[1]


@pytest.mark.parametrize("spec", ["nada", "short=muito", "blocked=nada.txt"])
@pytest.mark.parametrize("verb", ["inspect", "prepare", "train", "index"])
def test_a_filter_that_does_not_exist_is_one_message(spec, verb, prosa, lines_file, tmp_path):
    output = {"prepare": ["-o", "p"], "index": ["-o", "i"]}.get(verb, [])
    code, _out, err = prosa(verb, lines_file, *output, "--filter", spec)
    assert code == 2, err
    assert err.startswith("Error:")
    assert ("blocked=FILE" if "nada.txt" not in spec else "nada.txt") in err
    assert [path.name for path in tmp_path.iterdir()] == ["frases.txt"]


def test_a_holdout_file_is_read_by_the_column_asked_for(prosa_json, tmp_path):
    rows = "".join(f"curto{n},Um corpo de texto de número {n}\n" for n in range(30))
    (tmp_path / "a.csv").write_text("titulo,corpo\n" + rows, "utf-8")
    (tmp_path / "b.csv").write_text("titulo,corpo\nbreve,Outro corpo\n", "utf-8")
    flags = ["--column", "text=titulo", "--validation", "b.csv", "--test", "0"]
    prosa_json("prepare", "a.csv", "-o", "p", *flags)
    import pyarrow.parquet as pq

    assert pq.read_table(tmp_path / "p/validation.parquet")["text"].to_pylist() == ["breve"]


def test_every_kind_of_data_is_sent_to_a_family_that_learns_from_it(prosa, tmp_path):
    rows = "".join(f"Uma frase de número {n},{'sim' if n % 2 else 'não'}\n" for n in range(40))
    (tmp_path / "l.csv").write_text("text,label\n" + rows, "utf-8")
    code, out, _err = prosa("inspect", "l.csv")
    assert code == 0
    assert out.splitlines()[-1] == "  prosa train l.csv"
    asked = {"context": "O gato dorme.", "question": "Quem dorme?", "answers": ["O gato"]}
    (tmp_path / "s.json").write_text(json.dumps([asked] * 3), "utf-8")
    code, out, _err = prosa("inspect", "s.json")
    assert code == 0
    assert out.splitlines()[-1] == "  prosa train s.json --family encoder"


def test_prepare_leaves_parquet_that_trains(prosa_json, lines_file, tmp_path):
    result = prosa_json("prepare", lines_file, "-o", "pronto")
    assert list(result) == [*KEYS, "output"]
    names = {path.name for path in (tmp_path / "pronto").glob("*.parquet")}
    assert names == {"train.parquet", "validation.parquet", "test.parquet"}
    trained = prosa_json("train", "pronto", "--family", "ngram")
    assert trained["documents"] == result["splits"]["train"]


def test_prepare_leaves_an_existing_folder_alone(prosa, lines_file, tmp_path):
    (tmp_path / "pronto").mkdir()
    code, _out, err = prosa("prepare", lines_file, "-o", "pronto")
    assert code == 2
    assert "pronto" in err
    assert list((tmp_path / "pronto").iterdir()) == []


BAD = {
    "empty.txt": b"",
    "binary.txt": bytes(range(256)) * 40,
    "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "pickle.json": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94.",
    "broken.json": b'[{"text": "a"},\n {"text": }]',
    "ragged.csv": b"pergunta,resposta\na,b\nc,d,e,f\n",
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("verb", ["inspect", "train"])
def test_bad_files_are_one_message_with_the_file(verb, name, prosa, tmp_path):
    (tmp_path / name).write_bytes(BAD[name])
    code, _out, err = prosa(verb, name)
    message = err.strip().splitlines()[-1]
    assert code == 2, err
    assert message.startswith("Error:")
    assert name in message
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_line_of_broken_json_and_ragged_rows_is_named(prosa, tmp_path):
    for name, line in (("broken.json", 2), ("ragged.csv", 3)):
        (tmp_path / name).write_bytes(BAD[name])
        assert f"{name}:{line}" in prosa("inspect", name)[2]


def test_a_missing_column_lists_those_found(prosa, tmp_path):
    (tmp_path / "d.csv").write_text("titulo,corpo\na,b\nc,d\n", encoding="utf-8")
    code, _out, err = prosa("inspect", "d.csv", "--column", "text=texto")
    assert code == 2
    assert "titulo" in err
    assert "corpo" in err


def test_one_line_is_too_little_to_split_but_is_said(prosa, tmp_path):
    (tmp_path / "um.txt").write_text("Só uma linha.\n", encoding="utf-8")
    assert prosa("inspect", "um.txt")[0] == 0
    code, out, err = prosa("train", "um.txt", "--family", "ngram")
    assert code == 0, err
    assert "runs/um-ngram" in out


def test_latin_1_is_read_as_it_was_meant(prosa_json, tmp_path):
    text = "A ação começou às três.\nNão há coração sem emoção.\n" * 20
    (tmp_path / "velho.txt").write_bytes(text.encode("latin-1"))
    assert prosa_json("prepare", "velho.txt", "-o", "p", "--validation", "0", "--test", "0")
    report = json.loads((tmp_path / "p" / "prosa.json").read_text(encoding="utf-8"))
    assert report["prepared"]["kept"] > 0


def test_a_full_disk_is_one_message_and_leaves_nothing(prosa, lines_file, tmp_path, monkeypatch):
    import errno

    def full(*_args, **_more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("prosa.models.pretrained.save", full)
    code, _out, err = prosa("train", lines_file, "--family", "ngram", "-o", "m")
    assert code in (1, 2)
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frases.txt"]


def test_an_n_gram_exports_and_others_say_why_not(prosa, prosa_json, lines_file, tmp_path):
    prosa_json("train", lines_file, "--family", "ngram", "--tokenizer", "word")
    result = prosa_json("export", "frases-ngram", "--to", "arpa", "-o", "m.arpa")
    assert result["bytes"] == (tmp_path / "m.arpa").stat().st_size
    assert prosa("export", "frases-ngram", "--to", "arpa", "-o", "m.arpa")[0] == 2
    flags = ["--steps", "2", "--context", "32", "--hidden-size", "16", "--layers", "1"]
    prosa_json("train", lines_file, "--family", "gru", "--embedding-size", "8", *flags)
    code, _out, err = prosa("export", "frases-gru", "--to", "arpa")
    assert code == 2
    assert "gram" in err


def test_a_prompt_longer_than_the_context_is_said(prosa, prosa_json, lines_file):
    flags = ["--steps", "2", "--context", "16", "--hidden-size", "16", "--layers", "1"]
    prosa_json("train", lines_file, "--family", "decoder", *flags)
    code, _out, err = prosa("generate", "frases-decoder", "gato " * 50)
    assert code == 2
    assert "16" in err
    code, _out, _err = prosa("generate", "frases-decoder", "", "--max-new-tokens", "40")
    assert code == 0  # an empty prompt begins a text, and writing goes on past the context
