"""Every message has its Brazilian translation, with the same fields in it."""

import gettext
import io
import string

import pytest

from prosa import i18n
from tests.catalogue import MO, compiled, extracted, translated


def texts(value):
    return list(value) if isinstance(value, tuple | list) else [value]


def fields(text):
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}


def test_every_message_is_translated():
    known = {tuple(texts(m.id)): m for m in translated() if m.id}
    missing = []
    for message in extracted():
        if not message.id:
            continue
        found = known.get(tuple(texts(message.id)))
        if found is None or found.fuzzy or not all(texts(found.string)):
            missing.append(message.id)
    assert not missing, "run make catalogue and translate these"


def test_translations_keep_the_fields():
    for message in translated():
        if message.id:
            wanted = set().union(*(fields(text) for text in texts(message.id)))
            for text in texts(message.string):
                assert fields(text) <= wanted, message.id
            assert fields(texts(message.string)[-1]) == wanted, message.id


def test_the_compiled_catalogue_is_the_written_one():
    with MO.open("rb") as file:
        kept = gettext.GNUTranslations(file)
    fresh = gettext.GNUTranslations(io.BytesIO(compiled(translated())))
    # All but the header, which names the version of Babel.
    one, two = ({k: v for k, v in found._catalog.items() if k} for found in (kept, fresh))
    assert one == two, "run make catalogue"


@pytest.mark.parametrize(
    ("variable", "value", "language"),
    [
        ("PROSA_LANG", "pt", "pt_BR"),
        ("PROSA_LANG", "pt-BR", "pt_BR"),
        ("PROSA_LANG", "en_US.UTF-8", "en"),
        ("PROSA_LANG", "de", "en"),
    ],
)
def test_the_language_comes_from_the_environment(monkeypatch, variable, value, language):
    i18n.use(None)
    monkeypatch.setenv(variable, value)
    assert i18n.language() == language


def test_the_locale_speaks_where_nothing_else_does(monkeypatch):
    i18n.use(None)
    for name in ("PROSA_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "pt_BR.UTF-8")
    assert i18n.language() == "pt_BR"


def test_the_flag_wins(monkeypatch):
    monkeypatch.setenv("PROSA_LANG", "pt_BR")
    i18n.use("en")
    assert i18n.language() == "en"
