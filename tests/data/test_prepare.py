"""From records to splits: what is dropped, what is kept, what is said."""

import json
import random
import textwrap

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prosa.data.filters import parse
from prosa.data.kinds import SCHEMAS, Kind, Records
from prosa.data.prepare import PrepareOptions, prepare, save
from prosa.errors import InputError

WHO = ["A Ana", "O Bruno", "A dona Odete", "O carteiro", "A menina", "O pescador", "A vizinha"]
DID = ["comprou", "perdeu", "achou", "pintou", "guardou", "vendeu", "consertou", "escondeu"]
WHAT = ["um barco azul", "a máquina de costura", "três maçãs", "o guarda-chuva", "uma canção"]
WHERE = ["na feira", "à beira do rio", "atrás da estação", "no quintal", "em São João", "lá longe"]


def sentence(chance):
    return f"{chance.choice(WHO)} {chance.choice(DID)} {chance.choice(WHAT)} {chance.choice(WHERE)}"


def prose(seed, sentences=8):
    chance = random.Random(seed)
    return ". ".join(sentence(chance) for _ in range(sentences)) + "."


def records(texts, **columns):
    table = pa.table({"text": pa.array(texts, pa.string()), **columns})
    return Records(Kind.TEXT, table, "teste.csv", {"text": "conteúdo"})


def answers(pairs, **columns):
    questions, replies = zip(*pairs, strict=True)
    table = pa.table({"question": list(questions), "answer": list(replies), **columns})
    return Records(Kind.QUESTION_ANSWER, table, "perguntas.csv")


def texts(prepared, name="train", column="text"):
    return prepared.splits[name].column(column).to_pylist() if name in prepared.splits else []


ALL_TRAIN = PrepareOptions(validation=0, test=0)
TEXTS = [prose(seed) for seed in range(100)]


def test_the_report_has_the_documented_keys_and_adds_up():
    broken = [TEXTS[0].replace("ç", "Ã§").replace("ã", "Ã£"), *TEXTS[1:]]
    rows = [
        *broken,
        "",
        "  ",
        None,
        TEXTS[3],
        *["Unknown"] * 20,
        TEXTS[4].replace("feira", "praça"),
    ]
    report = prepare(records(rows)).report.to_json()
    assert list(report) == [
        "kind",
        "columns",
        "records",
        "kept",
        "dropped",
        "repaired",
        "bytes",
        "splits",
    ]
    assert report["kind"] == "text"
    assert report["columns"] == {"text": "conteúdo"}
    assert report["records"] == len(rows)
    assert report["dropped"]["empty"] == 3
    assert report["dropped"]["placeholder"] == 20
    assert report["dropped"]["exact_duplicates"] == 1
    assert list(report["dropped"]) == [
        "empty",
        "placeholder",
        "exact_duplicates",
        "near_duplicates",
    ]
    assert report["kept"] + sum(report["dropped"].values()) == len(rows)
    assert sum(report["splits"].values()) == report["kept"]
    assert report["repaired"] == 1
    assert json.loads(json.dumps(report)) == report


def test_bytes_are_those_of_the_text_that_is_left():
    prepared = prepare(records(["Ação", "É"]), PrepareOptions(clean=("ascii",)))
    assert prepared.report.bytes == len("Acao") + len("E")


def test_default_shares_and_order_of_the_rows():
    prepared = prepare(records(TEXTS))
    assert prepared.report.splits == {"train": 77, "validation": 8, "test": 15}
    assert list(prepared.splits) == ["train", "validation", "test"]
    assert [text for text in TEXTS if text in set(texts(prepared))] == texts(prepared)


def test_the_split_does_not_depend_on_the_order_of_the_rows():
    shuffled = random.Random(3).sample(TEXTS, len(TEXTS))
    one, other = prepare(records(TEXTS)), prepare(records(shuffled))
    for name in one.splits:
        assert set(texts(one, name)) == set(texts(other, name))


def test_another_seed_is_another_split():
    other = prepare(records(TEXTS), PrepareOptions(seed=1))
    assert set(texts(other, "test")) != set(texts(prepare(records(TEXTS)), "test"))


def test_kin_stands_on_one_side():
    kin = [text + " " + prose(1000 + number, 3) for number, text in enumerate(TEXTS)]
    prepared = prepare(records([*TEXTS, *kin]))
    side = {text: name for name in prepared.splits for text in texts(prepared, name)}
    assert len(prepared.splits) == 3
    assert len(side) == 200
    assert all(side[one] == side[other] for one, other in zip(TEXTS, kin, strict=True))


def test_the_authors_groups_stay_whole():
    group = pa.array([f"g{number // 4}" if number < 80 else None for number in range(100)])
    prepared = prepare(records(TEXTS, group=group))
    side = {text: name for name in prepared.splits for text in texts(prepared, name)}
    for start in range(0, 80, 4):
        assert len({side[text] for text in TEXTS[start : start + 4]}) == 1


def test_repeated_headlines_stay_and_the_placeholder_goes():
    headlines = [f"Manchete curta número {number}" for number in range(250)]
    rows = [*headlines, *["Casas à venda no centro"] * 4, *["Unknown"] * 25]
    prepared = prepare(
        records(rows),
        PrepareOptions(clean=("lower", "punctuation", "ascii"), validation=0, test=0),
    )
    assert prepared.report.kept == 254
    assert prepared.report.dropped.placeholder == 25
    assert texts(prepared)[-1] == "casas a venda no centro"
    assert any("3" in note for note in prepared.report.notes)


def test_a_stock_answer_is_no_placeholder_but_an_unknown_one_is():
    pairs = [(f"Pergunta sobre o assunto {number}?", f"É o {number}.") for number in range(60)]
    stock = [(f"Quem inventou a coisa {number}?", "Não sei.") for number in range(30)]
    missing = [(f"E o que falta em {number}?", "n/a") for number in range(3)]
    report = prepare(answers([*pairs, *stock, *missing]), ALL_TRAIN).report
    assert report.dropped.placeholder == 3
    assert report.kept == 90


def test_question_and_answer_pairs():
    reply = prose(1)
    pairs = [("O que é?", reply), ("O que é?", reply), ("o que é", reply), ("O que é?", prose(2))]
    report = prepare(answers([*pairs, ("", "Sim."), ("Pergunta?", "")]), ALL_TRAIN).report
    assert report.dropped.exact_duplicates == 1
    assert report.dropped.near_duplicates == 1
    assert report.dropped.empty == 2
    assert report.kept == 2


def test_wordings_of_one_answer_stand_on_one_side():
    pairs = [
        (f"{start} o assunto número {number}?", prose(number))
        for number in range(60)
        for start in ("O que é", "Como se explica", "Alguém sabe qual é")
    ]
    prepared = prepare(answers(pairs))
    sides = [set(texts(prepared, name, "answer")) for name in prepared.splits]
    assert prepared.report.kept == 180
    assert sum(map(len, sides)) == 60


def test_the_authors_split_holds():
    split = ["train"] * 70 + ["test"] * 30
    prepared = prepare(records(TEXTS, split=pa.array(split)))
    assert texts(prepared, "test") == TEXTS[70:]
    assert prepared.report.splits == {"train": 63, "validation": 7, "test": 30}
    asked = prepare(records(TEXTS, split=pa.array(split)), PrepareOptions(validation=0, test=0.1))
    assert asked.report.splits == {"train": 90, "test": 10}


def test_validation_is_chosen_as_the_author_chose_the_test():
    pairs = [
        (f"{start} o assunto número {number}?", prose(number))
        for number in range(40)
        for start in ("O que é", "Como se explica", "Alguém sabe qual é")
    ]
    prepared = prepare(answers(pairs, split=["train", "train", "test"] * 40))
    assert prepared.report.splits == {"train": 72, "validation": 8, "test": 40}
    trained = set(texts(prepared, "train", "answer"))
    assert len(set(texts(prepared, "validation", "answer")) & trained) >= 4


def test_a_copy_of_a_test_record_does_not_train():
    test = records([TEXTS[0], TEXTS[0], TEXTS[1].upper()])
    prepared = prepare(records(TEXTS), PrepareOptions(validation=0, test=test))
    assert texts(prepared, "test") == test.table.column("text").to_pylist()
    assert texts(prepared) == TEXTS[2:]
    assert prepared.report.dropped.exact_duplicates == 1
    assert prepared.report.dropped.near_duplicates == 1
    assert any(note.startswith("2 ") for note in prepared.report.notes)


SHORT = [f"Manchete curta {number}" for number in range(40)]


@pytest.mark.parametrize("name", ["validation", "test"])
def test_a_short_text_that_is_held_out_does_not_train(name):
    held = records(["Manchete curta 3", "MANCHETE CURTA 4!", "Bom dia", "Bom dia"])
    options = {"validation": 0, "test": 0, name: held}
    prepared = prepare(records([*SHORT, "Manchete curta 3"]), PrepareOptions(**options))
    assert texts(prepared, name) == held.table.column("text").to_pylist()
    assert texts(prepared) == [*SHORT[:3], *SHORT[5:]]
    assert prepared.report.dropped.exact_duplicates == 2
    assert prepared.report.dropped.near_duplicates == 1
    assert [note for note in prepared.report.notes if "short" in note] == []
    assert any(note.startswith("3 training records") for note in prepared.report.notes)


def test_a_short_text_of_the_authors_test_does_not_train():
    rows = [*SHORT, *SHORT[:2], "Só no teste"]
    column = pa.array(["train"] * 40 + ["test"] * 3)
    prepared = prepare(records(rows, split=column), PrepareOptions(validation=0))
    assert texts(prepared, "test") == rows[40:]
    assert texts(prepared) == SHORT[2:]


def test_an_answer_that_is_a_known_word_is_kept():
    pairs = [(f"Pergunta sobre o assunto {number}?", f"É o {number}.") for number in range(60)]
    pairs += [("Que valor do SQL não é nenhum?", "NULL"), ("O que se escreve se não há?", "N/A")]
    report = prepare(answers(pairs), ALL_TRAIN).report
    assert (report.kept, report.dropped.placeholder) == (62, 0)


def test_a_file_held_out_is_read_by_the_same_column(tmp_path):
    from prosa.data.read import read

    train, held, other = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    train.write_text("corpo,titulo\n" + "".join(f"{t},curto\n" for t in TEXTS), "utf-8")
    held.write_text("titulo,corpo\nbreve,Um corpo que ninguém viu\n", "utf-8")
    other.write_text("manchete,resumo\nOutra,Nada se sabe dela ainda\n", "utf-8")
    for asked in ("corpo", "titulo"):
        columns = {"text": asked}
        rows = read(train, columns=columns)
        options = PrepareOptions(validation=str(held), test=0, columns=columns)
        expected = {"corpo": "Um corpo que ninguém viu", "titulo": "breve"}[asked]
        assert texts(prepare(rows, options), "validation") == [expected]
        assert texts(prepare(rows, PrepareOptions(validation=str(held))), "validation") == [
            expected
        ]
        with pytest.raises(InputError, match="manchete"):
            prepare(rows, PrepareOptions(validation=str(other), columns=columns))
    (tmp_path / "d.txt").write_text("Um texto sem colunas\n", "utf-8")
    options = PrepareOptions(validation=str(tmp_path / "d.txt"), columns={"text": "corpo"})
    prepared = prepare(read(train, columns=options.columns), options)
    assert texts(prepared, "validation") == ["Um texto sem colunas"]


def test_records_held_out_are_of_the_same_kind():
    with pytest.raises(InputError, match="question-answer"):
        prepare(records(TEXTS), PrepareOptions(test=answers([("Quê?", "Isso.")])))


@pytest.mark.parametrize("share", [1.0, -0.1, "1.5", "200%"])
def test_a_share_out_of_range(share):
    with pytest.raises(InputError, match="--test"):
        prepare(records(TEXTS), PrepareOptions(test=share))


def test_shares_as_they_are_typed():
    one = prepare(records(TEXTS), PrepareOptions(validation="0", test="20%"))
    assert one.report.splits == {"train": 80, "test": 20}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_records_all_trains_and_it_is_said(count):
    prepared = prepare(records(TEXTS[:count]))
    assert prepared.report.splits == {"train": count}
    [note] = prepared.report.notes
    assert note.endswith(": validation, test")


def test_a_running_text_is_cut_where_it_stands():
    book = "\n\n".join(prose(seed, 30) for seed in range(60))
    prepared = prepare(records([book]), PrepareOptions(validation=0.1, test=0))
    assert list(prepared.splits) == ["train", "validation"]
    assert texts(prepared) + texts(prepared, "validation") == [
        book[: len(texts(prepared)[0])],
        book[len(texts(prepared)[0]) :].lstrip(),
    ]
    assert len(texts(prepared, "validation")[0]) == pytest.approx(0.1 * len(book), rel=0.05)


def test_a_running_text_with_a_test_file():
    book = "\n\n".join(prose(seed, 30) for seed in range(60))
    prepared = prepare(records([book]), PrepareOptions(test=records([prose(7000, 40)])))
    assert prepared.report.splits == {"train": 1, "validation": 1, "test": 1}
    assert texts(prepared, "test") == [prose(7000, 40)]


def test_hard_wrapped_records_are_joined_and_counted():
    wrapped = [textwrap.fill(text, 72) for text in TEXTS]
    prepared = prepare(records(wrapped), ALL_TRAIN)
    assert texts(prepared) == TEXTS
    assert any("100" in line for line in prepared.report.lines())


def test_nothing_left():
    with pytest.raises(InputError, match=r"teste\.csv.*2 empty, 1 placeholder"):
        prepare(records(["", " ", "[deleted]"]))


def test_raw_passes_through_untouched():
    rows = ["  dois  espaços", "dois  espaços", "Ã£", "Unknown", "Unknown", ""]
    prepared = prepare(records(rows), PrepareOptions(raw=True))
    assert texts(prepared) == rows
    assert prepared.report.splits == {"train": 6}
    held = prepare(records(rows), PrepareOptions(raw=True, test=records(["dois  espaços"])))
    assert texts(held) == rows
    assert texts(held, "test") == ["dois  espaços"]
    shared = prepare(records([str(n) for n in range(50)]), PrepareOptions(raw=True, test=0.1))
    assert shared.report.splits == {"train": 45, "test": 5}


def test_filters_are_counted_apart():
    rows = [*TEXTS, "### !!! ### $$$ %%%", "curto"]
    options = PrepareOptions(validation=0, test=0, filters=parse(["short=3", "symbols=0.5"]))
    report = prepare(records(rows), options).report.to_json()
    assert report["dropped"]["filtered"] == 2
    assert report["filters"] == {"short": 2}
    assert report["kept"] == 100
    assert "filters" not in prepare(records(rows), ALL_TRAIN).report.to_json()


def test_what_is_filtered_is_no_copy_and_is_shown_masked(tmp_path):
    (tmp_path / "lista.txt").write_text("barco azul\n", "utf-8")
    spam = prose(500, 40) + " Que barco azul! " + prose(501, 40)
    rows = [*TEXTS, spam, spam.replace("barco azul", "barco velho")]
    rows = [row.replace("barco azul", "barco verde") if row is not spam else row for row in rows]
    filters = parse([f"blocked={tmp_path / 'lista.txt'}"])
    report = prepare(records(rows), PrepareOptions(filters=filters)).report
    assert report.to_json()["filters"] == {"blocked": 1}
    assert report.kept == 101
    (shown,) = report.dropped_examples["blocked"]
    assert "b*** a***" in shown
    assert "barco azul" not in "\n".join(report.lines())


def test_records_as_they_stand_are_not_filtered():
    with pytest.raises(InputError, match="--filter"):
        prepare(records(TEXTS), PrepareOptions(raw=True, filters=parse(["short"])))


def test_what_the_steps_leave_empty_is_dropped():
    prepared = prepare(
        records([*TEXTS, "— … —"]), PrepareOptions(clean=("punctuation",), validation=0, test=0)
    )
    assert prepared.report.dropped.empty == 1


def test_conversations_are_repaired_and_dropped_as_wholes():
    talk = [
        {"role": "user", "content": "Bom  dia, vocÃª estÃ¡ aÃ­?"},
        {"role": "assistant", "content": "Estou, sim."},
    ]
    empty = [{"role": "user", "content": " "}]
    schema = SCHEMAS[Kind.CONVERSATION]
    table = pa.Table.from_pydict({"messages": [talk, talk, empty, []]}, schema)
    prepared = prepare(Records(Kind.CONVERSATION, table, "conversas.json"))
    assert prepared.report.to_json()["dropped"] == {
        "empty": 2,
        "placeholder": 0,
        "exact_duplicates": 1,
        "near_duplicates": 0,
    }
    (kept,) = prepared.splits["train"].column("messages").to_pylist()
    assert kept[0] == {"role": "user", "content": "Bom dia, você está aí?"}
    assert prepared.splits["train"].schema == schema


def test_spans_are_found_again_in_the_repaired_context():
    context = "&quot;Olá&quot;, disse a vovó; &quot;olá&quot;, disse o lobo."
    start = context.index("disse o lobo")
    row = {
        "context": context,
        "question": "Quem disse?",
        "answers": [{"text": "lobo", "start": start + 8}],
    }
    table = pa.Table.from_pylist([row], SCHEMAS[Kind.SPAN_QA])
    prepared = prepare(Records(Kind.SPAN_QA, table, "squad.json"))
    (kept,) = prepared.splits["train"].to_pylist()
    (span,) = kept["answers"]
    assert kept["context"][span["start"] :].startswith("lobo.")
    assert kept["context"].startswith('"Olá", disse')


def test_one_text_with_two_labels_is_kept():
    table = pa.table({"text": [TEXTS[0], TEXTS[0], TEXTS[0]], "label": ["bom", "ruim", "bom"]})
    report = prepare(Records(Kind.LABELLED, table, "notas.csv"), ALL_TRAIN).report
    assert (report.kept, report.dropped.exact_duplicates) == (2, 1)


def test_progress_is_told():
    told = []
    prepare(
        records(TEXTS),
        PrepareOptions(clean=("lower",)),
        progress=lambda stage, share: told.append((stage, share)),
    )
    assert told[-1] == ("repair", 1.0)


def test_save(tmp_path):
    prepared = prepare(records(TEXTS))
    folder = save(prepared, tmp_path / "saída")
    assert sorted(path.name for path in folder.iterdir()) == [
        "prosa.json",
        "test.parquet",
        "train.parquet",
        "validation.parquet",
    ]
    assert pq.read_table(folder / "train.parquet").equals(prepared.splits["train"])
    saved = json.loads((folder / "prosa.json").read_text("utf-8"))
    assert saved["prepared"] == prepared.report.to_json()
    with pytest.raises(InputError):
        save(prepared, folder)
    save(prepared, folder, overwrite=True)


def test_what_was_saved_reads_back_as_the_same_splits(tmp_path):
    from prosa.data.read import read

    prepared = prepare(records(TEXTS))
    again = prepare(read(save(prepared, tmp_path / "dados")))
    assert again.report.splits == prepared.report.splits
    for name in prepared.splits:
        assert texts(again, name) == texts(prepared, name)


def test_lines_for_people(monkeypatch):
    rows = [TEXTS[0].replace("ç", "Ã§").replace("ã", "Ã£"), *TEXTS[1:], TEXTS[5], *["n/a"] * 3]
    lines = prepare(records(rows)).report.lines()
    text = "\n".join(lines)
    assert lines[0].startswith("104 records read, 100 kept")
    assert "3 placeholders" in text
    assert "  - n/a" in text
    assert "broken encoding 1" in text
    assert "training 77, validation 8, test 15" in text
    assert any(line.startswith("  - ") and "Ã" in line for line in lines)
    assert any(line.startswith("  + ") and "Ã" not in line for line in lines)


def test_files_held_out_are_read_as_the_records_were(tmp_path):
    file = tmp_path / "teste.txt"
    file.write_text("uma  linha\noutra  linha\n", "utf-8")
    raw = prepare(records(TEXTS), PrepareOptions(raw=True, test=str(file)))
    assert texts(raw, "test") == ["uma  linha", "outra  linha"]
    assert texts(raw) == TEXTS
    mended = prepare(records(TEXTS), PrepareOptions(validation=0, test=file))
    assert "uma linha" in "\n".join(texts(mended, "test"))


def test_no_records_at_all():
    for kind, schema in SCHEMAS.items():
        with pytest.raises(InputError, match="vazio"):
            prepare(Records(kind, schema.empty_table(), "vazio.csv"))
