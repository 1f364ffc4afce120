"""The column names under which people keep texts, questions and answers, in two languages.

A name is compared without accents, case, plural and separators: "Perguntas", "PERGUNTA" and
"pergunta_" are one name. Earlier names win over later ones.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from prosa.i18n import _


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def word_set(listed: str, mark: str | None = None) -> frozenset[str]:
    """Listed words, parted by white space or by a mark."""
    return frozenset(listed.split(mark))


TEXT = _words(
    "text texto content conteudo headline manchete body corpo document documento article artigo "
    "story historia sentence sentenca frase paragraph paragrafo passage passagem review resenha "
    "comment comentario tweet post message mensagem lyric letra abstract resumo summary "
    "description descricao"
)
QUESTION = _words(
    "question pergunta prompt instruction instrucao instrucoes query consulta duvida "
    "user usuario human q input entrada pattern padrao padroes"
)
ANSWER = _words(
    "answer resposta response completion output saida reply replica assistant assistente bot a"
)
QUESTION_WORDS = word_set("question pergunta duvida prompt instruction instrucao")
ANSWER_WORDS = word_set("answer resposta response completion")
ABOUT_WORDS = word_set("id type tipo date data score nota start inicio count lang idioma")
INSTRUCTION = ("instruction", "instrucao", "instrucoes")
INPUT = ("input", "entrada", "context", "contexto")
MESSAGES = _words(
    "messages mensagens conversation conversa conversacao conversacoes dialog dialogue dialogo "
    "turns turnos"
)
SOURCE = ("source", "origem", "fonte", "src")
TARGET = ("target", "destino", "alvo", "tgt")
TRANSLATION = ("translation", "traducao")
CONTEXT = ("context", "contexto", "passage", "passagem", "story")
LABEL = _words(
    "label rotulo etiqueta class classe category categoria sentiment sentimento polarity "
    "polaridade intent intencao emotion emocao"
)
SPLIT = ("split", "particao")
TELLING = (*TEXT, *QUESTION, *ANSWER, *SOURCE, *TARGET)
"""Names that show that something is a table."""

KNOWN = (*TELLING, *LABEL, *MESSAGES, *CONTEXT, *SPLIT, *TRANSLATION, "id", "group")
_FIRST_WORDS = frozenset(KNOWN) | word_set(
    "nome name titulo title autor author data date codigo code numero number valor value "
    "tipo type email telefone phone endereco address url link coluna column campo field"
)

LANGUAGES = word_set(
    "pt ptbr ptpt por portugues portuguese en eng enus engb ingles english es spa espanhol "
    "spanish fr fra frances french de deu alemao german it ita italiano italian"
)
PORTUGUESE = word_set("pt ptbr ptpt por portugues portuguese")

SPLITS: Mapping[str, str] = {
    **dict.fromkeys(("train", "training", "treino", "treinamento"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "validacao"), "validation"),
    **dict.fromkeys(("test", "testing", "teste"), "test"),
}

ROLES: Mapping[str, str] = {
    **dict.fromkeys(("user", "human", "usuario", "humano", "pessoa", "prompter"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "assistente", "bot", "chatgpt", "model", "modelo", "ai", "ia"),
        "assistant",
    ),
    **dict.fromkeys(("system", "sistema"), "system"),
}

_LISTED = 40
_WORD = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
_SEPARATORS = re.compile(r"[^a-z0-9]+")


@lru_cache(1 << 15)  # every rule asks again, also where there are thousands of columns
def plain(name: str) -> str:
    """A name without accents, case and separators."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _SEPARATORS.sub("", letters)


def find(wanted: Iterable[str], names: Iterable[str]) -> str | None:
    """The first of the wanted names that is among some column names, singular or plural."""
    by_form: dict[str, str] = {}
    for name in names:
        form = plain(name)
        by_form.setdefault(form, name)
        by_form.setdefault(form.removesuffix("s"), name)
    return next((by_form[form] for form in wanted if form in by_form), None)


def has_word(name: str, wanted: frozenset[str]) -> bool:
    """Whether a longer name speaks of a thing itself: "Pergunta do cliente", not "question_id"."""
    parts = {plain(part) for part in _WORD.split(name)}
    return bool(wanted & (parts | {part.removesuffix("s") for part in parts})) and not (
        ABOUT_WORDS & parts
    )


def begins_like_a_name(text: str) -> bool:
    """Whether the first of several words is one with which columns are named: "Nome completo"."""
    first = plain(text.split(maxsplit=1)[0])
    return len(first) > 1 and bool({first, first.removesuffix("s")} & _FIRST_WORDS)


def is_language(name: str) -> bool:
    """Whether a column is named after a language: "pt", "en", "Português"."""
    return plain(name) in LANGUAGES


def listed(columns: Sequence[str]) -> str:
    """Column names for a message."""
    more = len(columns) - _LISTED
    shown = ", ".join(f"'{name}'" for name in columns[:_LISTED])
    return shown + (_(" and {n} more").format(n=more) if more > 0 else "")
