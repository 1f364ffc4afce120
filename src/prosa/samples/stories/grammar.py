"""Portuguese agreement and inflection, as far as the stories need it.

Covers gender and number of determiners (contracted with their preposition), adjectives, pronouns
and participles, plurals, diminutives, and the third person of verbs. A form is one of four, always
in this order: masculine singular, feminine singular, masculine plural, feminine plural.
It does not cover the first and second person, nor stress shifts outside the words of the lexicon.
"""

MS, FS, MP, FP = range(4)
Forms = tuple[str, str, str, str]

_FIXED: dict[str, Forms] = {
    forms.split()[0]: (*forms.split(),)  # type: ignore[misc]
    for forms in (
        "o a os as",
        "um uma uns umas",
        "do da dos das",
        "no na nos nas",
        "ao à aos às",
        "pelo pela pelos pelas",
        "num numa nuns numas",
        "meu minha meus minhas",
        "teu tua teus tuas",
        "seu sua seus suas",
        "nosso nossa nossos nossas",
        "ele ela eles elas",
        "dele dela deles delas",
        "nele nela neles nelas",
        "aquele aquela aqueles aquelas",
        "daquele daquela daqueles daquelas",
        "naquele naquela naqueles naquelas",
        "àquele àquela àqueles àquelas",
        "esse essa esses essas",
        "este esta estes estas",
        "desse dessa desses dessas",
        "deste desta destes destas",
        "nesse nessa nesses nessas",
        "neste nesta nestes nestas",
        "lo la los las",
        "bom boa bons boas",
        "mau má maus más",
        "qual qual quais quais",
        "só só sós sós",
        "simples simples simples simples",
        "ruim ruim ruins ruins",
        "cor-de-rosa cor-de-rosa cor-de-rosa cor-de-rosa",
        "laranja laranja laranja laranja",
        "irmão irmã irmãos irmãs",
        "lilás lilás lilases lilases",
        "inteiro inteira inteiros inteiras",
        "brincalhão brincalhona brincalhões brincalhonas",
        "comilão comilona comilões comilonas",
        "chorão chorona chorões choronas",
        "dorminhoco dorminhoca dorminhocos dorminhocas",
        "falador faladora faladores faladoras",
    )
}
_FIXED["os dois"] = ("os dois", "as duas", "os dois", "as duas")
_FIXED["dos dois"] = ("dos dois", "das duas", "dos dois", "das duas")
_FIXED["aos dois"] = ("aos dois", "às duas", "aos dois", "às duas")
_FIXED["um ao outro"] = ("um ao outro", "uma à outra", "um ao outro", "uma à outra")
_FIXED["um do outro"] = ("um do outro", "uma da outra", "um do outro", "uma da outra")

UNCONTRACTED = frozenset(
    f"{preposition} {article}"
    for preposition in ("de", "em", "por")
    for article in ("o", "a", "os", "as", "ele", "ela", "eles", "elas", "este", "esta", "aquele")
) | {"a o", "a os", "em um", "em uma"}
"""Pairs of words that Portuguese always, or here by style, writes contracted."""


def plural(word: str) -> str:
    """The plural of a noun or an adjective, by ending ("azul" -> "azuis", "flor" -> "flores")."""
    if word.endswith(("ável", "ível")):
        return word[:-1] + "is"
    for ending, plurals in _PLURALS:
        if word.endswith(ending):
            return word[: len(word) - len(ending)] + plurals
    return word + "s"


_PLURALS = (
    ("ão", "ões"),
    ("ês", "eses"),
    ("s", "s"),
    ("al", "ais"),
    ("el", "éis"),
    ("ol", "óis"),
    ("ul", "uis"),
    ("il", "is"),
    ("m", "ns"),
    ("r", "res"),
    ("z", "zes"),
)


def agree(word: str) -> Forms:
    """The four forms of a determiner, pronoun or adjective, from its masculine singular.

    "estava/estavam" gives a verb's singular and plural, the same in both genders.
    """
    if word in _FIXED:
        return _FIXED[word]
    if "/" in word:
        one, many = word.split("/")
        return one, one, many, many
    feminine = _feminine(word)
    return word, feminine, plural(word), plural(feminine)


def _feminine(word: str) -> str:
    if word.endswith("o") and not word.endswith("ão"):
        return word[:-1] + "a"
    if word.endswith("ês"):
        return word[:-2] + "esa"
    if word.endswith(("dor", "tor")):
        return word + "a"
    if word.endswith("ão"):
        return word[:-1]
    return word


def diminutive(noun: str, *, feminine: bool = False) -> str:
    """The small one of its kind: "gato" -> "gatinho", "flor" (feminine) -> "florzinha"."""
    for ending, changed in (("co", "qu"), ("ca", "qu"), ("ço", "c"), ("ça", "c"), ("go", "gu")):
        if noun.endswith(ending):
            return noun[:-2] + changed + "inh" + ending[1]
    if noun.endswith(("io", "ia", "éu", "ão", "oa")) or noun[-1] not in "oa":
        return noun.translate(_UNSTRESSED) + ("zinha" if feminine else "zinho")
    return noun[:-1].translate(_UNSTRESSED) + "inh" + noun[-1]


_UNSTRESSED = str.maketrans("áéíóúêô", "aeioueo")

TENSES = ("inf", "perf", "perfs", "imp", "imps", "ger", "pres")
"""What `conjugate` knows: infinitive, past (one, many), imperfect (one, many), gerund, present."""

_ENDINGS = {
    "ar": ("ar", "ou", "aram", "ava", "avam", "ando", "a"),
    "er": ("er", "eu", "eram", "ia", "iam", "endo", "e"),
    "ir": ("ir", "iu", "iram", "ia", "iam", "indo", "e"),
}
_IRREGULAR: dict[str, tuple[str, ...]] = {
    forms.split()[0]: (*forms.split(),)
    for forms in (
        "fazer fez fizeram fazia faziam fazendo faz",
        "ler leu leram lia liam lendo lê",
        "ver viu viram via viam vendo vê",
        "construir construiu construíram construía construíam construindo constrói",
        "sair saiu saíram saía saíam saindo sai",
        "subir subiu subiram subia subiam subindo sobe",
        "dormir dormiu dormiram dormia dormiam dormindo dorme",
        "ir foi foram ia iam indo vai",
    )
}


def conjugate(phrase: str, tense: str) -> str:
    """A verb phrase in the third person: ("pular corda", "imps") -> "pulavam corda".

    Args:
        phrase: An infinitive and what follows it.
        tense: One of `TENSES`.
    """
    verb, _, rest = phrase.partition(" ")
    column = TENSES.index(tense)
    if verb in _IRREGULAR:
        form = _IRREGULAR[verb][column]
    else:
        form = verb[:-2] + _ENDINGS[verb[-2:]][column]
    return f"{form} {rest}" if rest else form
