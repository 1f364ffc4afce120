"""The classic steps of text cleaning: for the models and lessons that want them, off by default.

Whatever order they are named in, they are done in the order of `STEPS`: dictionaries need accents
and whole words ("guarda-chuva", "don't"), so those that look words up come before `punctuation`
and `ascii`.
"""

import re
import string
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache, partial

from prosa.data.names import word_set
from prosa.data.repair import normalized
from prosa.errors import InputError
from prosa.i18n import _

Rewrite = Callable[[str], str]

_WORD = re.compile(r"\w+(?:[-'’]\w+)*")
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_SPACES = re.compile(r"[^\S\n]+")
_SAMPLE = 400


def language(text: str) -> str:
    """Which language has more of its function words in a text: "pt", "en", or "" where none."""
    words = _WORD.findall(text[: 20 * _SAMPLE].lower())[:_SAMPLE]
    portuguese = sum(word in PORTUGUESE for word in words)
    english = sum(word in ENGLISH for word in words)
    if not portuguese and not english:
        return ""
    return "en" if english > portuguese else "pt"


def stopwords(text: str) -> str:
    """Function words of Portuguese and English are removed."""

    def kept(match: re.Match[str]) -> str:
        word = match[0].lower().replace("’", "'")
        return "" if word in PORTUGUESE or word in ENGLISH else match[0]

    return _WORD.sub(kept, text)


def lemmas(text: str) -> str:
    """Each word becomes its dictionary form (simplemma): "correram" becomes "correr"."""
    lemma = _lemmatizer(language(text) or "pt")
    return _WORD.sub(lambda match: lemma(match[0]), text)


def stemming(text: str) -> str:
    """Each word becomes its stem (Snowball): "correram" becomes "corr"."""
    stem = _stemmer("english" if language(text) == "en" else "portuguese")
    return _WORD.sub(lambda match: stem(match[0]), text)


def ascii_(text: str) -> str:
    """Accents are folded ("ação" becomes "acao"); what then is not ASCII is removed."""
    if text.isascii():
        return text
    plain = normalized("NFKD", text.translate(_UNFOLDABLE))
    return plain.encode("ascii", "ignore").decode("ascii")


def whitespace(text: str) -> str:
    """Runs of spaces become one; lines are trimmed, empty ones removed."""
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


@cache
def _punctuation() -> dict[int, None]:
    """What to remove: punctuation and symbols, ASCII and all of Unicode's."""
    removed = dict.fromkeys(map(ord, string.punctuation))
    # General punctuation and symbols, CJK punctuation, compatibility forms, emoji: not all of
    # Unicode, which would take half a second.
    for codes in (range(0x80, 0x3100), range(0xFE00, 0x10000), range(0x1F000, 0x1FB00)):
        removed.update(dict.fromkeys(c for c in codes if unicodedata.category(chr(c))[0] in "PS"))
    return removed


STEPS: dict[str, Rewrite] = {
    "lower": str.lower,
    "numbers": partial(_NUMBER.sub, ""),
    "stopwords": stopwords,
    "lemmas": lemmas,
    "stemming": stemming,
    "punctuation": lambda text: text.translate(_punctuation()),
    "ascii": ascii_,
    "whitespace": whitespace,
}
"""The classic steps by name, in the order in which they are done."""

_REMOVE = frozenset({"numbers", "punctuation", "stopwords", "ascii"})
_UNFOLDABLE = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o",
                             "Ø": "O", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L"})  # fmt: skip


def checked(names: Iterable[str]) -> tuple[str, ...]:
    """The named steps in the order in which they are done.

    Raises:
        InputError: There is no step of that name.
    """
    wanted = [name.strip().lower() for name in names if name.strip()]
    for name in wanted:
        if name not in STEPS:
            raise InputError(
                _("There is no cleaning step '{name}'").format(name=name),
                expected=", ".join(STEPS),
            )
    return tuple(name for name in STEPS if name in wanted)


def pipeline(names: Iterable[str]) -> Rewrite:
    """One function for several steps; the gaps that removals leave are closed."""
    steps = checked(names)
    closes_gaps = not _REMOVE.isdisjoint(steps)

    def rewrite(text: str) -> str:
        for name in steps:
            text = STEPS[name](text)
        if closes_gaps and "whitespace" not in steps:
            text = "\n".join(_SPACES.sub(" ", line).strip() for line in text.split("\n"))
        return text.strip() if steps else text

    return rewrite


@cache
def _stemmer(name: str) -> Rewrite:
    import Stemmer  # noqa: PLC0415  a C extension that only this step needs

    stem: Rewrite = Stemmer.Stemmer(name).stemWord
    return stem


@cache
def _lemmatizer(name: str) -> Rewrite:
    import simplemma  # noqa: PLC0415  its dictionaries take a second to load

    @cache
    def lemma(word: str) -> str:
        form: str = simplemma.lemmatize(word, lang=name)
        return form

    return lemma


# Function words: they say which language a text is in, and little else. Written for this project:
# none of the installed libraries ships a list.
PORTUGUESE = word_set("""
    a à às ao aos as o os um uma uns umas de do da dos das dum duma duns dumas em no na nos nas
    num numa nuns numas por pelo pela pelos pelas para pra pro per com sem sob sobre entre até
    após desde contra perante durante mediante segundo conforme ante trás e ou mas nem porém
    contudo todavia entretanto portanto pois logo que se como quando enquanto porque porquanto
    embora caso conquanto senão quer ora quanto quanta quantos quantas eu tu ele ela você nós
    vós eles elas vocês me mim comigo te ti contigo lhe lhes si consigo conosco convosco vos meu
    minha meus minhas teu tua teus tuas seu sua seus suas nosso nossa nossos nossas vosso vossa
    vossos vossas dele dela deles delas este esta estes estas isto esse essa esses essas isso
    aquele aquela aqueles aquelas aquilo deste desta destes destas disto desse dessa desses
    dessas disso daquele daquela daqueles daquelas daquilo neste nesta nestes nestas nisto nesse
    nessa nesses nessas nisso naquele naquela naqueles naquelas naquilo àquele àquela àqueles
    àquelas àquilo quem qual quais cujo cuja cujos cujas onde aonde donde algum alguma alguns
    algumas nenhum nenhuma nenhuns nenhumas todo toda todos todas tudo outro outra outros outras
    muito muita muitos muitas pouco pouca poucos poucas mesmo mesma mesmos mesmas próprio
    própria tal tais tanto tanta tantos tantas cada qualquer quaisquer alguém ninguém algo nada
    mais menos já ainda sempre nunca jamais também só somente apenas não sim talvez assim então
    aqui aí ali lá cá agora hoje antes depois bem mal tão quase ser sou és é somos sois são era
    eras éramos eram fui foste foi fomos foram fora fôramos serei será seremos serão seria
    seríamos seriam seja sejamos sejam fosse fôssemos fossem for formos forem sendo sido estar
    estou está estamos estão estava estávamos estavam estive esteve estivemos estiveram estivera
    esteja estejamos estejam estivesse estivéssemos estivessem estiver estiverem estando estado
    ter tenho tens tem temos têm tinha tínhamos tinham tive teve tivemos tiveram tivera terei
    terá teremos terão teria teríamos teriam tenha tenhamos tenham tivesse tivéssemos tivessem
    tiver tivermos tiverem tendo tido haver hei há havemos hão havia haviam houve houvemos
    houveram houvera haja hajam houvesse houvessem houver houverem havendo havido
    """)

ENGLISH = word_set("""
    a an the of in on at by for with about against between into through during before after
    above below to from up down out off over under again further then once here there when where
    why how all any both each few more most other some such no nor not only own same so than too
    very i me my mine myself we our ours ourselves you your yours yourself yourselves he him his
    himself she her hers herself it its itself they them their theirs themselves what which who
    whom whose this that these those am is are was were be been being have has had having do
    does did doing done will would shall should can could may might must ought and but if or
    because as until while just also though although however upon within without toward towards
    i'm you're he's she's it's we're they're i've you've we've they've i'd you'd he'd she'd we'd
    they'd i'll you'll he'll she'll we'll they'll isn't aren't wasn't weren't hasn't haven't
    hadn't doesn't don't didn't won't wouldn't shan't shouldn't can't cannot couldn't mustn't
    let's that's who's what's here's there's when's where's why's how's
    """)
