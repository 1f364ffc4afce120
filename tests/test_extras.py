"""A missing extra is answered with a line that can be pasted."""

import pytest

from prosa import extras
from prosa.errors import InputError


def test_a_missing_package_is_named_with_its_bounds(monkeypatch):
    monkeypatch.setattr(
        extras.metadata,
        "requires",
        lambda _name: [
            "torch<2.14,>=2.9",
            "gradio<7,>=6; extra == 'ui'",
            'fastapi>=0.115; extra == "serve"',
        ],
    )
    with pytest.raises(InputError) as caught:
        extras.need("no_such_package", "ui")
    assert 'pip install "gradio<7,>=6"' in caught.value.hint


def test_without_metadata_the_module_is_named(monkeypatch):
    def unknown(_name):
        raise extras.metadata.PackageNotFoundError

    monkeypatch.setattr(extras.metadata, "requires", unknown)
    with pytest.raises(InputError) as caught:
        extras.need("no_such_package", "ui")
    assert caught.value.hint == "Run: pip install no_such_package"


def test_every_extra_of_the_code_is_in_the_metadata():
    assert extras.packages_of("embed")
    assert extras.packages_of("no-such-extra") == []


def test_a_broken_package_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        extras.need("broken_package", "ui")
