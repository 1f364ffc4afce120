"""Questions and answers are learned by heart, whatever validation says of those held out."""

import prosa

QUICK = {"layers": 1, "hidden_size": 32, "heads": 2, "overwrite": True}


def rows(count, words=8):
    return [
        {"question": f"Onde fica a sala {n}?", "answer": f"A sala {n} fica " + f"ali{n} " * words}
        for n in range(count)
    ]


def test_a_run_on_answers_is_not_stopped_by_those_held_out(tmp_path):
    run = prosa.train(
        rows(20), steps=300, validation=0.3, test=0, output=str(tmp_path / "run"), **QUICK
    )

    assert run.result["steps"] == 300
    assert run.result["train_loss"] < 0.5 < run.result["validation_loss"]


def test_an_answer_keeps_its_question_in_sight(tmp_path):
    run = prosa.train(
        rows(12, words=300), steps=2, validation=0, test=0, output=str(tmp_path / "run"), **QUICK
    )

    assert run.model.config.max_position_embeddings == 512
