import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from importlib.resources import files

import pytest

from prosa.data.repair import repair
from prosa.samples import questions
from prosa.samples.questions import Answer, load

ANSWERS = load().answers
UNANSWERABLE = load().unanswerable
LOWER_CASE_NAMES = ("bfloat16", "chrF", "llama.cpp", "safetensors")
FOLDER = files("prosa.samples").joinpath("perguntas")


def words(text: str) -> list[str]:
    """The words of a text without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.findall(r"\w+", "".join(c for c in plain if not unicodedata.combining(c)))


def wordings(answer: Answer) -> tuple[str, ...]:
    return (*answer.questions, answer.held_out)


def texts() -> list[str]:
    told = [text for a in ANSWERS for text in (a.answer, *wordings(a))]
    return [*told, *UNANSWERABLE]


def test_there_is_an_answer_for_each_step_and_for_each_verb():
    about_prosa = [a for a in ANSWERS if a.topic.startswith("prosa")]
    assert len(ANSWERS) >= 260
    assert len(about_prosa) >= 90
    assert len(ANSWERS) - len(about_prosa) >= 170


def test_there_are_questions_without_an_answer_near_the_topics_and_far_from_them():
    near = load().near
    assert len(UNANSWERABLE) >= 100
    assert len(near) >= 60
    assert len(UNANSWERABLE) - len(near) >= 40
    assert set(near) < set(UNANSWERABLE)


def test_ids_and_answers_are_unique_and_ids_name_their_topic():
    assert len({a.id for a in ANSWERS}) == len(ANSWERS)
    assert len({a.answer for a in ANSWERS}) == len(ANSWERS)
    for a in ANSWERS:
        family = a.topic.partition("-")[0]
        assert re.fullmatch(rf"{family}(-[a-z0-9]+)+", a.id), a.id


def test_each_answer_has_three_wordings_to_learn_from_and_one_to_test_with():
    for a in ANSWERS:
        assert len(a.questions) >= 3, a.id
        assert a.held_out not in a.questions, a.id


def test_no_question_stands_twice_whatever_its_accents_and_punctuation():
    asked = [" ".join(words(q)) for a in ANSWERS for q in wordings(a)]
    asked += [" ".join(words(q)) for q in UNANSWERABLE]
    assert [q for q, count in Counter(asked).items() if count > 1] == []


def test_a_held_out_wording_is_no_near_copy_of_one_to_learn_from():
    for a in ANSWERS:
        held = set(words(a.held_out))
        for question in a.questions:
            other = set(words(question))
            assert len(held & other) / len(held | other) < 0.8, (a.id, question)


def test_answers_are_short_plain_sentences():
    for a in ANSWERS:
        assert 15 <= len(a.answer.split()) <= 70, a.id
        assert 1 <= len(re.findall(r"[.!?](?=\s|$)", a.answer)) <= 4, a.id
        assert a.answer[0].isupper() or a.answer.startswith(LOWER_CASE_NAMES), a.id
        assert a.answer.endswith((".", "!", "?")), a.id
        assert not re.search(r"\*\*|`|\]\(|^[-#] ", a.answer), a.id


def test_questions_are_of_a_length_that_people_type():
    for question in [q for a in ANSWERS for q in wordings(a)] + list(UNANSWERABLE):
        assert 2 <= len(question.split()) <= 25, question


def test_text_is_nfc_and_without_stray_spaces():
    for text in texts():
        assert unicodedata.is_normalized("NFC", text), text
        assert text == " ".join(text.split()), text


def test_cleaning_finds_nothing_to_repair():
    assert [text for text in texts() if repair(text)[0] != text] == []


def test_most_questions_are_marked_as_such_and_some_are_not():
    asked = [q for a in ANSWERS for q in wordings(a)]
    marked = sum(q.endswith("?") for q in asked) / len(asked)
    assert 0.8 < marked < 1


@pytest.mark.parametrize("topic", questions.TOPICS)
def test_each_file_holds_one_whole_record_a_line(topic):
    lines = FOLDER.joinpath(f"{topic}.jsonl").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert set(json.loads(line)) == {"id", "answer", "questions", "held_out"}


def test_no_file_is_forgotten():
    found = {path.name for path in FOLDER.iterdir()}
    assert found == {f"{name}.jsonl" for name in (*questions.TOPICS, "unanswerable")}


def test_loading_gives_the_files_order_every_time():
    first = load()
    load.cache_clear()
    again = load()
    assert again == first
    topics = list(dict.fromkeys(a.topic for a in again.answers))
    assert topics == list(questions.TOPICS)


def test_loading_imports_nothing_heavy():
    code = (
        "import sys; from prosa.samples import questions; questions.load();"
        "heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'numpy'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
