"""What a table holds is found out from its columns, in English and in Portuguese."""

import pytest

from prosa.data.kinds import Kind
from prosa.data.read import read
from prosa.errors import InputError

TURNS = [{"role": "user", "content": "Oi"}, {"role": "assistant", "content": "Olá!"}]
SENTENCES = [f"A menina número {n} foi à escola e voltou feliz para casa." for n in range(40)]


def rows(**columns):
    """Ten rows whose values are numbered, except lists and dictionaries."""
    return [
        {
            name: f"{value} {number}" if isinstance(value, str) else value
            for name, value in columns.items()
        }
        for number in range(10)
    ]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("question", "answer"),
        ("Questions", "Answers"),
        ("PERGUNTA", "Resposta"),
        ("perguntas", "respostas"),
        ("Instrução", "saída"),
        ("prompt", "completion"),
        ("input", "output"),
        ("dúvida", "resposta_"),
        ("Usuário", "bot"),
    ],
)
def test_questions_and_answers_in_two_languages(question, answer):
    records = read(rows(id="x", **{question: "O que é prosa?", answer: "Um texto."}))
    assert records.kind == Kind.QUESTION_ANSWER
    assert records.columns == {"question": question, "answer": answer}
    assert records.table.column_names == ["question", "answer"]
    assert records.table.to_pylist()[3] == {
        "question": "O que é prosa? 3",
        "answer": "Um texto. 3",
    }


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Pergunta do cliente", "Resposta oficial"),
        ("questionText", "answer_text"),
        ("Q&A: Question", "A"),
    ],
)
def test_questions_and_answers_in_longer_names(question, answer):
    about = {"question_id": "abc", "answer_type": "um tipo comprido de resposta qualquer"}
    records = read(rows(**about, **{question: "O que é prosa?", answer: "Um texto."}))
    assert records.columns == {"question": question, "answer": answer}


def test_alpaca_joins_the_input_to_the_instruction():
    data = [
        {"instruction": "Traduza.", "input": "house", "output": "casa"},
        {"instruction": "Conte até dois.", "input": "", "output": "um, dois"},
    ]
    records = read(data)
    assert records.kind == Kind.QUESTION_ANSWER
    assert records.columns["question"] == "instruction + input"
    assert records.table["question"].to_pylist() == ["Traduza.\n\nhouse", "Conte até dois."]


def test_wordings_of_one_question_become_rows_of_one_group():
    data = [
        {"perguntas": ["Que horas abre?", "Abre quando?"], "resposta": "Às nove."},
        {"perguntas": ["Onde fica?"], "resposta": "Na praça."},
    ]
    table = read(data).table
    assert table["question"].to_pylist() == ["Que horas abre?", "Abre quando?", "Onde fica?"]
    assert table["answer"].to_pylist() == ["Às nove.", "Às nove.", "Na praça."]
    first, second, third = table["group"].to_pylist()
    assert first == second != third


def test_intents_of_chatbots_are_questions_and_answers():
    data = [
        {"tag": "horário", "patterns": ["Que horas?", "Abre?"], "responses": ["Às nove.", "9h."]}
    ]
    records = read(data)
    assert records.table["question"].to_pylist() == ["Que horas?", "Abre?"]
    assert records.table["answer"].to_pylist() == ["Às nove."] * 2
    assert "Of several answers in 'responses' the first is taken" in records.notes


@pytest.mark.parametrize(
    "column",
    [
        {"messages": TURNS},
        {"mensagens": [{"papel": "usuário", "conteúdo": "Oi"}, {"papel": "bot", "texto": ""}]},
        {"conversations": [{"from": "human", "value": "Oi"}, {"from": "gpt", "value": "Olá!"}]},
        {"conversa": ["Oi", "Olá!"]},
        {"messages": {"role": ["user", "assistant"], "content": ["Oi", "Olá!"]}},
        {"messages": '[{"from": "human", "value": "Oi"}, {"from": "gpt", "value": "Olá!"}]'},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Oi"}]}, TURNS[1]]},
    ],
)
def test_conversations_in_their_customary_shapes(column):
    records = read([{"id": "1", **column}])
    assert records.kind == Kind.CONVERSATION
    turns = records.table["messages"].to_pylist()[0]
    assert [turn["role"] for turn in turns] == ["user", "assistant"]
    assert turns[0]["content"] == "Oi"


@pytest.mark.parametrize(
    ("names", "source", "target"),
    [
        (("en", "pt"), "en", "pt"),
        (("pt-BR", "en"), "en", "pt-BR"),
        (("Inglês", "Português"), "Inglês", "Português"),
        (("source", "target"), "source", "target"),
        (("origem", "destino"), "origem", "destino"),
        (("es", "fr"), "es", "fr"),
    ],
)
def test_pairs_run_towards_portuguese(names, source, target):
    records = read(rows(**dict.fromkeys(names, "good morning")))
    assert records.kind == Kind.PAIR
    assert records.columns == {"source": source, "target": target}


def test_translation_dictionaries_are_pairs():
    records = read([{"id": "0", "translation": {"pt": "casa", "en": "house"}}])
    assert records.kind == Kind.PAIR
    assert records.table.to_pylist() == [{"source": "house", "target": "casa"}]


@pytest.mark.parametrize("label", ["label", "rótulo", "sentimento", "Categoria"])
def test_text_with_a_label(label):
    data = [{"texto": text, label: n % 2} for n, text in enumerate(SENTENCES)]
    records = read(data)
    assert records.kind == Kind.LABELLED
    assert set(records.table["label"].to_pylist()) == {"0", "1"}


def test_two_columns_one_of_few_values_are_labelled():
    data = [{"frase": text, "tom": ("alegre", "triste")[n % 2]} for n, text in enumerate(SENTENCES)]
    assert read(data).columns == {"text": "frase", "label": "tom"}


def test_reading_test_with_spans():
    span = {"text": ["Ouro Preto"], "answer_start": [3]}
    data = [{"id": "1", "context": "Em Ouro Preto.", "question": "Onde?", "answers": span}]
    records = read(data)
    assert records.kind == Kind.SPAN_QA
    assert records.table["answers"].to_pylist() == [[{"text": "Ouro Preto", "start": 3}]]


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        (("id", "text", "título"), "text"),
        (("Título", "Conteúdo"), "Conteúdo"),
        (("headline", "section", "snippet_long"), "headline"),
        (("título", "autor"), "título"),
        (("texto", "source", "licence", "variant"), "texto"),
        (("resposta", "texto"), "texto"),
    ],
)
def test_text_by_its_name_before_others(columns, text):
    values = dict.fromkeys(columns, "Uma frase bem mais longa que as outras")
    records = read(
        rows(**values | {name: "curta" for name in ("autor", "section") if name in values})
    )
    assert records.kind == Kind.TEXT
    assert records.columns == {"text": text}


def test_longest_text_where_no_name_is_known():
    data = rows(
        código="12", link="https://exemplo.br/uma/página/muito/longa/mesmo/assim", xyz="Um texto."
    )
    data = [{**row, "link": row["link"].replace(" ", "/")} for row in data]
    assert read(data).columns == {"text": "xyz"}


def test_a_table_of_articles_is_text_though_columns_have_few_values():
    data = [
        {
            "headline": text,
            "desk": "Cultura",
            "section": ("Livros", "Cinema")[n % 2],
            "page": str(n % 3),
        }
        for n, text in enumerate(SENTENCES)
    ]
    assert read(data).columns == {"text": "headline"}


def test_the_author_s_split_is_kept():
    data = rows(texto="Uma frase.")
    for number, row in enumerate(data):
        row["split"] = ("train", "valid", "teste")[number % 3]
    assert read(data).table["split"].to_pylist()[:3] == ["train", "validation", "test"]


def test_a_split_column_of_something_else_is_no_split():
    data = [{"texto": text, "split": "50/50", "autor": str(n)} for n, text in enumerate(SENTENCES)]
    assert read(data).table.column_names == ["text"]


def test_group_counts_only_among_the_columns_of_a_kind():
    own = [{"question": "Oi?", "answer": "Olá.", "group": "a"}]
    assert read(own).table["group"].to_pylist() == ["a"]
    assert "group" not in read([{"texto": "Olá.", "título": "Oi", "group": "a"}]).table.column_names


@pytest.mark.parametrize("kind", list(Kind))
def test_the_columns_of_a_kind_are_read_back_as_that_kind(kind):
    values = {
        Kind.TEXT: {"text": "Olá"},
        Kind.QUESTION_ANSWER: {"question": "Oi?", "answer": "2"},
        Kind.CONVERSATION: {"messages": TURNS},
        Kind.PAIR: {"source": "", "target": "b"},
        Kind.LABELLED: {"text": "Olá", "label": "único"},
        Kind.SPAN_QA: {"context": "a", "question": "b", "answers": []},
    }
    first = read([values[kind]])
    again = read(first.table)
    assert first.kind == again.kind == kind
    assert first.table.equals(again.table)


def test_columns_are_chosen_by_role():
    data = rows(headline="Título", snippet="Um texto mais longo")
    assert (
        read(data, columns={"text": "snippet"}).table["text"][0].as_py() == "Um texto mais longo 0"
    )
    assert read(data, columns={"text": "Snippet"}).given == {"text": "Snippet"}
    assert read(data).given == {}
    chosen = read(data, columns={"question": "Headline", "answer": "snippet"})
    assert chosen.kind == Kind.QUESTION_ANSWER
    assert read(data, columns={"text": "snippet", "label": "headline"}).kind == Kind.LABELLED


def test_kind_is_chosen():
    data = rows(pergunta="O que é?", resposta="Um texto que responde.")
    records = read(data, kind="text")
    assert records.kind == Kind.TEXT
    assert records.columns == {"text": "resposta"}
    two = read(rows(esquerda="sim", direita="não"), kind="question-answer")
    assert two.columns == {"question": "esquerda", "answer": "direita"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"columns": {"text": "corpo"}}, r"no column 'corpo'.*'título', 'ano'"),
        ({"columns": {"assunto": "título"}}, r"no role 'assunto'.*text, question, answer"),
        ({"columns": {"text": "título", "answer": "ano"}}, r"No kind of data"),
        (
            {"kind": "question-answer"},
            r"cannot be read as question-answer.*'título', 'ano'.*--column",
        ),
        ({"kind": "poesia"}, r"no kind of data 'poesia'.*text, question-answer"),
    ],
)
def test_what_cannot_be_is_told_with_what_was_found(arguments, said):
    data = [{"título": "Os sertões", "ano": "1902"}, {"título": "Iracema", "ano": "1865"}]
    with pytest.raises(InputError, match=said):
        read(data, **arguments)


def test_a_table_without_text_names_its_columns():
    with pytest.raises(InputError, match=r"cannot be read as text.*'ano', 'mês'"):
        read([{"ano": 1902, "mês": 3}])


def test_the_interpretation_is_told():
    notes = " ".join(read(rows(Questions="O quê?", Answers="Isto.", id="x")).notes)
    assert "questions and answers (question from 'Questions', answer from 'Answers')" in notes
    assert "not used: 'id'" in notes
