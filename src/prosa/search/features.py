"""What tells a passage that answers a question from one that only shares words with it.

For one question and some candidates all numbers are computed at once, from the candidates' tokens.
Nearly all are shares, from 0 to 1, of what the question weighs, so that they mean the same in a
small index and in a large one.
Shapes: C candidates, T different terms of the question, N tokens of all candidates, U units.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prosa.search.forward import Forward, Unit, ranges
from prosa.search.inverted import K1, Floats, idf, weigh
from prosa.search.query import Query, QueryParser
from prosa.search.vocabulary import Ids, piece_hashes

TEXT = (
    "words", "pieces", "unit", "all", "pairs", "exact", "numbers", "names", "length", "section",
    "dense",
)  # fmt: skip
PAIR = ("pair", "wording", "known", "asked", "function", "answer", "wording_pairs")
NAMES = (*TEXT, *PAIR)
"""The features, by column; `PAIR` are zero for running text."""

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tokens:
    """The tokens of the candidates, one after another.

    Attributes:
        words: The number of each token's word, [N].
        candidates: The candidate of each, [N].
        units: The unit of each, counted over the candidates, [N].
        kinds: What each unit is, [U].
        owners: The candidate of each unit, [U].
        places: Each unit's number in the index, [U].
        count: How many candidates there are.
    """

    words: Numbers
    candidates: Numbers
    units: Numbers
    kinds: npt.NDArray[np.uint8]
    owners: Numbers
    places: Numbers
    count: int


def gather(forward: Forward, passages: Numbers, without: int | None = None) -> Tokens:
    """The tokens of some passages.

    Args:
        forward: All passages.
        passages: The candidates, [C].
        without: A unit of the index that is taken as if it were not there.
    """
    starts = forward.passage_units[passages]
    counts = forward.passage_units[passages + 1] - starts
    places = ranges(starts, counts)
    owners = np.repeat(np.arange(len(passages)), counts)
    if without is not None:
        there = places != without
        places, owners = places[there], owners[there]
    begins = forward.unit_tokens[places]
    lengths = forward.unit_tokens[places + 1] - begins
    units = np.repeat(np.arange(len(places)), lengths)
    words = forward.tokens[ranges(begins, lengths)].astype(np.int64)
    kinds = forward.unit_kinds[places]
    return Tokens(words, owners[units], units, kinds, owners, places, len(passages))


class Terms:
    """The terms of a question and where they stand among the tokens.

    Attributes:
        idf: How rare each term is, times what it counts for, float32 [T].
        telling: The same, 0 where a term says nothing about the subject, float32 [T].
        mass: The sum of `telling`.
        term: The term each token stands for, or -1, [N].
        like: How well it stands for it: 1 for the same stem, [N].
        units: How well each unit holds each term, [U, T].
    """

    def __init__(self, query: Query, parser: QueryParser, tokens: Tokens, total: int) -> None:
        inverted = parser.inverted
        first, self.of_word = query.terms
        stems = query.stems[first]
        unknown = idf(np.zeros(1), total)[0]
        rare = np.where(stems >= 0, inverted.stem_idf[stems], unknown)
        self.idf: Floats = (rare * query.weights[first]).astype(np.float32)
        content = query.content[first]
        self.telling: Floats = np.where(content, self.idf, np.float32(0))
        self.mass = float(self.telling.sum()) + 1e-6
        self.count = len(first)
        by_stem = np.full(len(inverted.stem_idf) + 1, -1, np.int16)
        known = np.flatnonzero(stems >= 0)
        by_stem[stems[known]] = known
        self.term: Numbers = by_stem[inverted.stem_of[tokens.words]].astype(np.int64)
        self.like: Floats = (self.term >= 0).astype(np.float32)
        self._stand_in(query, parser, tokens, content)
        self.units = self._per_unit(tokens)

    def _stand_in(self, query: Query, parser: QueryParser, tokens: Tokens, content: Flags) -> None:
        """Let words that are much like a term stand for it where the term itself does not."""
        words = len(parser.inverted.stem_of)
        likeness = np.zeros(words, np.float32)
        term_of = np.full(words, -1, np.int16)
        first = query.terms[0]
        for term in np.flatnonzero(content).tolist():
            alike, like = parser.like(query.words[first[term]])
            better = like > likeness[alike]
            likeness[alike[better]] = like[better]
            term_of[alike[better]] = term
        other = (self.term < 0) & (likeness[tokens.words] > 0)
        self.term[other] = term_of[tokens.words[other]]
        self.like[other] = likeness[tokens.words[other]]

    def _per_unit(self, tokens: Tokens) -> Floats:
        result = np.zeros(len(tokens.owners) * self.count, np.float32)
        present = self.term >= 0
        np.maximum.at(
            result, tokens.units[present] * self.count + self.term[present], self.like[present]
        )
        return result.reshape(-1, self.count)

    def covered(self) -> Floats:
        """The share of the question's weight that each unit holds, [U]."""
        result: Floats = self.units @ self.telling
        return result / self.mass


# Some builds of BLAS raise the flag for what lies beyond the end of a small matrix.
@np.errstate(invalid="ignore")
def features(
    query: Query,
    parser: QueryParser,
    forward: Forward,
    tokens: Tokens,
    firsts: Floats,
    sections: Ids,
) -> Floats:
    """The features of all candidates; "dense" is left zero.

    Args:
        query: The question.
        parser: What made it; it knows the index.
        forward: The passages of the index.
        tokens: The candidates' tokens.
        firsts: The candidates' scores in the first search, [C].
        sections: The candidates' sections, [C].

    Returns:
        A row for each candidate with the columns of `NAMES`, float32 [C, features].
    """
    terms = Terms(query, parser, tokens, forward.passages)
    lengths = np.bincount(tokens.candidates, minlength=tokens.count)
    shares = lengths / max(1.0, len(forward.tokens) / max(1, forward.passages))
    pairs = _pairs(query, terms, tokens)
    columns: dict[str, Floats] = {
        "words": _words(terms, tokens, shares),
        "pieces": _pieces(query, parser, tokens, shares),
        "unit": _most(terms.covered(), tokens),
        "all": _most(terms.units, tokens) @ terms.telling / terms.mass,
        "pairs": _pair_share(pairs, tokens.candidates, tokens.count),
        "exact": _found(query, parser, tokens, query.content),
        "numbers": _found(query, parser, tokens, query.digits),
        "names": _found(query, parser, tokens, query.names),
        "length": np.log1p(lengths) / 8,
        "section": _section(firsts, sections),
    }
    if (tokens.kinds == Unit.WORDING).any():
        columns |= _pair_features(terms, parser, tokens, pairs)
    nothing = np.zeros(tokens.count, np.float32)
    return np.stack([columns.get(name, nothing) for name in NAMES], axis=1).astype(np.float32)


def best_units(
    query: Query, parser: QueryParser, forward: Forward, passage: int
) -> tuple[Numbers, Floats]:
    """The sentences of a passage, by number in the index, and how much of a question each holds."""
    tokens = gather(forward, np.asarray([passage]))
    covered = Terms(query, parser, tokens, forward.passages).covered()
    sentences = tokens.kinds == Unit.SENTENCE
    return tokens.places[sentences], covered[sentences]


def _words(terms: Terms, tokens: Tokens, shares: Floats) -> Floats:
    """BM25 over stems, as a share of the most there can be, [C]."""
    exact = terms.like == 1.0
    keys = tokens.candidates[exact] * terms.count + terms.term[exact]
    counts = np.bincount(keys, minlength=tokens.count * terms.count).reshape(tokens.count, -1)
    share: Floats = weigh(counts, shares[:, None]) @ terms.idf
    return share / (float(terms.idf.sum()) * (K1 + 1) + 1e-6)


def _pieces(query: Query, parser: QueryParser, tokens: Tokens, shares: Floats) -> Floats:
    """BM25 over the character pieces of content words, as a share of the most there can be, [C]."""
    inverted = parser.inverted
    asked = {word for word, content in zip(query.words, query.content, strict=True) if content}
    hashes = np.unique(np.asarray([h for word in asked for h in piece_hashes(word)], np.uint32))
    number = np.full(len(inverted.piece_hashes), -1, np.int32)
    known = inverted.piece_places(hashes)
    number[known] = np.arange(len(known))
    telling = ~inverted.stops[tokens.words]
    words = tokens.words[telling]
    begins = inverted.word_pieces[words]
    lengths = inverted.word_pieces[words + 1] - begins
    places = number[inverted.pieces[ranges(begins, lengths)]]
    owners = np.repeat(tokens.candidates[telling], lengths)[places >= 0]
    size = len(known)
    keys = owners * size + places[places >= 0]
    counts = np.bincount(keys, minlength=tokens.count * size).reshape(tokens.count, size)
    weights = inverted.piece_idf[known]
    missing = (len(hashes) - size) * float(inverted.piece_idf.max(initial=0.0))
    whole = (float(weights.sum()) + missing) * (K1 + 1) + 1e-6
    score: Floats = weigh(counts, shares[:, None]) @ weights
    return score / whole


@dataclass(frozen=True)
class _Pairs:
    """Neighbouring words of the question that are neighbours among the tokens too.

    Attributes:
        places: The token where each begins.
        kinds: Which pair of terms each is.
        weights: What each pair of terms weighs, [T * T].
    """

    places: Numbers
    kinds: Numbers
    weights: Floats


def _pairs(query: Query, terms: Terms, tokens: Tokens) -> _Pairs:
    own = terms.of_word[: query.own]
    adjacent = np.zeros((terms.count, terms.count), np.bool_)
    adjacent[own[:-1], own[1:]] = True
    np.fill_diagonal(adjacent, val=False)
    here = np.where(terms.like == 1.0, terms.term, -1)
    left, right = here[:-1], here[1:]
    together = (left >= 0) & (right >= 0) & (tokens.units[:-1] == tokens.units[1:])
    together[together] = adjacent[left[together], right[together]]
    places = np.flatnonzero(together)
    weights = (terms.idf[:, None] + terms.idf[None, :]) * adjacent
    return _Pairs(places, left[places] * terms.count + right[places], weights.ravel())


def _pair_share(pairs: _Pairs, owner_of: Numbers, count: int) -> Floats:
    """The share of the question's pairs that each owner holds, [count]."""
    size = len(pairs.weights)
    owners, kinds = np.divmod(np.unique(owner_of[pairs.places] * size + pairs.kinds), size)
    covered = np.bincount(owners, pairs.weights[kinds], minlength=count)
    return (covered / (float(pairs.weights.sum()) + 1e-6)).astype(np.float32)


def _most(values: Floats, tokens: Tokens) -> Floats:
    """The largest value among each candidate's units, [C] or [C, ...]."""
    result = np.zeros((tokens.count, *values.shape[1:]), np.float32)
    np.maximum.at(result, tokens.owners, values.astype(np.float32))
    return result


def _found(query: Query, parser: QueryParser, tokens: Tokens, which: Flags) -> Floats:
    """The share of some words of the question that stand in each candidate as they are, [C]."""
    asked = {query.words[place] for place in np.flatnonzero(which)}
    numbers = [parser.words[word] for word in asked if word in parser.words]
    if not numbers:
        return np.zeros(tokens.count, np.float32)
    word_idf = parser.inverted.word_idf
    place = np.full(len(word_idf), -1, np.int32)
    place[numbers] = np.arange(len(numbers))
    here = place[tokens.words]
    size = len(numbers)
    keys = tokens.candidates[here >= 0] * size + here[here >= 0]
    there = np.bincount(keys, minlength=tokens.count * size).reshape(tokens.count, size) > 0
    missing = (len(asked) - size) * float(word_idf.max())
    covered: Floats = there @ word_idf[numbers]
    return covered / (float(word_idf[numbers].sum()) + missing + 1e-6)


def _section(firsts: Floats, sections: Ids) -> Floats:
    """How well the candidates of the same section do in the first search, the best five, [C]."""
    best = float(firsts.max(initial=0.0)) + 1e-6
    result = np.zeros(len(firsts), np.float32)
    for section in np.unique(sections):
        here = sections == section
        result[here] = np.sort(firsts[here])[-5:].sum() / (5 * best)
    return result


def _pair_features(
    terms: Terms, parser: QueryParser, tokens: Tokens, pairs: _Pairs
) -> dict[str, Floats]:
    """What only pairs of question and answer have: the wording nearest, and the answer apart."""
    inverted = parser.inverted
    size = len(tokens.owners)
    stops = inverted.stops[tokens.words]
    rare = np.where(stops, np.float32(0), inverted.stem_idf[inverted.stem_of[tokens.words]])
    weighs = np.bincount(tokens.units, rare, minlength=size)
    known = np.bincount(tokens.units, rare * terms.like, minlength=size) / (weighs + 1e-6)
    asked = terms.covered()
    both = 2 * known * asked / (known + asked + 1e-6)
    # Function words, each like any other: "como", "por que", "o que é" tell questions apart.
    lengths = np.bincount(tokens.units, minlength=size)
    matched = np.bincount(tokens.units, terms.like, minlength=size) / (lengths + 1e-6)
    function = ((terms.units > 0).sum(1) / max(1, terms.count) + matched) / 2
    wordings = tokens.kinds == Unit.WORDING
    has = np.zeros(tokens.count, np.bool_)
    has[tokens.owners[wordings]] = True
    pick = _nearest(tokens, np.where(wordings, both + function / 100, -1.0))
    sentences = np.where(tokens.kinds == Unit.SENTENCE, asked, 0.0)
    of_wording = {
        "wording": both,
        "known": known,
        "asked": asked,
        "function": function,
        "wording_pairs": _pair_share(pairs, tokens.units, size),
    }
    result = {name: np.where(has, values[pick], 0.0) for name, values in of_wording.items()}
    return {**result, "pair": has * 1.0, "answer": np.where(has, _most(sentences, tokens), 0.0)}


def _nearest(tokens: Tokens, values: Floats) -> Numbers:
    """The unit with the largest value of each candidate, [C]."""
    order = np.lexsort((values, tokens.owners))
    owners = tokens.owners[order]
    last = np.flatnonzero(np.append(owners[1:] != owners[:-1], [True] * bool(len(owners))))
    result = np.zeros(tokens.count, np.int64)
    result[owners[last]] = order[last]
    return result
