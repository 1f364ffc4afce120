"""The public surface: what `import prosa` offers, whatever was imported before."""

import subprocess
import sys

import prosa

VERBS = [
    "compare",
    "demo",
    "evaluate",
    "explain",
    "export",
    "index",
    "ladder",
    "list_models",
    "load",
    "prepare",
    "read",
    "train",
]


def test_the_surface_is_what_it_says():
    assert sorted(prosa.__all__) == sorted(["InputError", "ProsaError", *VERBS])
    for name in prosa.__all__:
        assert callable(getattr(prosa, name)), name


def test_verbs_stay_functions_whatever_is_imported():
    import prosa.models.registry
    import prosa.training.schedule
    import prosa.verbs.comparing

    assert prosa.train.__name__ == "train"
    assert prosa.compare.__name__ == "compare"


def test_importing_prosa_imports_nothing_heavy():
    code = (
        "import sys, prosa; "
        "bad = {'torch', 'transformers', 'datasets', 'pyarrow', 'numpy'} & set(sys.modules);"
        "sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_model_from_python(tmp_path):
    rows = [{"text": f"O gato número {n} dorme na praça."} for n in range(40)]
    run = prosa.train(rows, family="ngram", tokenizer="word", output=str(tmp_path / "m"))
    assert run.result["documents"] < 40
    model = prosa.load(run.path)
    text = model.generate("O gato", max_new_tokens=5, seed=1)
    assert "".join(model.stream("O gato", max_new_tokens=5, seed=1)) == text
    assert prosa.evaluate(run.path, rows).metrics["tokens"] > 0
