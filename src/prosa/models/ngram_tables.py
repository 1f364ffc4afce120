"""Tables of n-grams and the probabilities of interpolated modified Kneser-Ney in them.

It covers looking n-grams up and mixing the orders, for single words, for every word at once and for
all n-grams. Counting, and how the n-grams are laid out, is in `kneser_ney.py`; the model around the
tables is in `ngram.py`. The arithmetic is that of KenLM's lmplz: float32, and below order 1 the
uniform distribution over every word but the sentence start and the padding.

This file is copied beside a saved model and must import nothing but numpy, torch and transformers.

Shapes: B rows, L columns (tokens), R rows of whatever is scored, V words of the vocabulary, N the
order. A node is an n-gram by its place in `keys`; -1 is one that does not occur. A list of nodes
has a tensor for each length of n-gram: for contexts the lengths 0 to N - 1, for words with their
contexts 1 to N.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor, nn

from .kneser_ney import FALLBACK, Counts

# Log-probability of the sentence start and the padding: nothing in any softmax, yet finite, so that
# sums over beams and means over tokens stay numbers.
NEVER = -1e4


@dataclass(frozen=True)
class NGrams:
    """All E n-grams of one order, in the order of their nodes.

    Attributes:
        parents: int64 [E], place among the next lower order of the n-gram without its last word.
        words: int64 [E], last words.
        probabilities: float32 [E], of the last word after the others.
        backoffs: float32 [E], what the lower order's probability is multiplied by after this
            n-gram; 1 where nothing ever followed it.
    """

    parents: np.ndarray
    words: np.ndarray
    probabilities: np.ndarray
    backoffs: np.ndarray


@dataclass(frozen=True)
class Step:
    """What one order says of a word after a context.

    Attributes:
        total: Sum of the counts of all words after this context; 0 if it never came.
        count: Count of the word after it.
        share: The probability that this order gives the word by itself.
        weight: What the next lower order's probability is multiplied by.
    """

    total: int
    count: int
    share: float
    weight: float


class NGramTables(nn.Module):
    """Integer tables, which no change of precision touches, and the discounts of each order.

    Args:
        entries: N-grams of each order; of order 1 there are V. Without `fill` or loaded weights
            the higher ones mean nothing.
        bos: Id of the sentence start.
        pad: Id of the padding.
    """

    keys: Tensor
    counts: Tensor
    followers: Tensor

    def __init__(self, entries: list[int], bos: int, pad: int | None) -> None:
        super().__init__()
        self.order, self.words = len(entries), entries[0]
        self.bos = bos
        self.never = [bos] if pad in (None, bos) else [bos, pad]
        self.ends = list(accumulate(entries, initial=1))
        # Counted, not descended: nothing here has a gradient.
        start = torch.tensor([FALLBACK]).repeat(self.order, 1)
        self.discounts = nn.Parameter(start, requires_grad=False)
        keys = torch.zeros(self.ends[-1], dtype=torch.int64)
        keys[: self.ends[1]] = torch.arange(-1, self.words)
        self.register_buffer("keys", keys)
        self.register_buffer("counts", torch.zeros(self.ends[-1], dtype=torch.int32))
        self.register_buffer("followers", torch.zeros(self.ends[-2], 4, dtype=torch.int32))

    def fill(self, counts: Counts, discounts: np.ndarray) -> None:
        """Take over counts, without a copy, and their discounts."""
        self.keys = torch.from_numpy(counts.keys)
        self.counts = torch.from_numpy(counts.counts)
        self.followers = torch.from_numpy(counts.followers)
        self.discounts = nn.Parameter(torch.from_numpy(discounts), requires_grad=False)

    def nodes(self, ids_BL: Tensor, longest: int) -> list[Tensor]:
        """The n-gram of each length from 0 to `longest` that ends at each column, [B, L] each.

        What stands before the first column reads as a sentence start.

        Raises:
            IndexError: An id is not in the vocabulary.
        """
        if ids_BL.numel() and not 0 <= int(ids_BL.min()) <= int(ids_BL.max()) < self.words:
            raise IndexError(f"a token is not among the {self.words} of the vocabulary")
        padded = nn.functional.pad(ids_BL, (1, 0), value=self.bos)
        nodes = [torch.zeros_like(padded)]
        for n in range(1, longest + 1):
            parent = nn.functional.pad(nodes[-1][:, :-1], (1, 0), value=-1)
            nodes.append(self._child(n, parent, padded))
        return [level[:, 1:] for level in nodes]

    def score(self, contexts: list[Tensor], target: Tensor) -> Tensor:
        """Log-probabilities of words after contexts; all of one shape."""
        flat = [nodes.reshape(-1) for nodes in contexts]
        word_R = target.reshape(-1)
        nodes = [self._child(n, parent, word_R) for n, parent in enumerate(flat, start=1)]
        return self.score_nodes(flat, nodes).view(target.shape)

    def score_nodes(self, contexts: list[Tensor], nodes: list[Tensor]) -> Tensor:
        """Log-probabilities [R] of words, given by contexts and as the nodes that end in them."""
        p_R = self._uniform()[nodes[0] - 1]
        for n, (context_R, node_R) in enumerate(zip(contexts, nodes, strict=True), start=1):
            at = (context_R >= 0).nonzero(as_tuple=True)
            context = context_R[at]
            share = self._share(n, context, node_R[at])
            p_R[at] = share + self._weight(n, context) * p_R[at]
        return p_R.log_().clamp_(min=NEVER)

    def score_all(self, contexts: list[Tensor]) -> Tensor:
        """Log-probabilities [R, V] of every word after contexts [R].

        The weights of the orders are multiplied out first: R x V numbers are then written once, and
        after that only those of words that followed a context are touched.
        """
        root, words = contexts[0].new_zeros(()), self._range(1, self.words + 1)
        p_V = self._share(1, root, words) + self._weight(1, root) * self._uniform()
        weight_R = p_V.new_ones(len(contexts[0]))
        parts = []
        for n in range(self.order, 1, -1):
            context_R = contexts[n - 1]
            row, context, node = self._followers_of(n, context_R)
            word = self.keys[node] - context * self.words
            share = self._share(n, context, node) * weight_R[row]
            parts.append((row * self.words + word, share))
            weight_R *= self._weight(n, context_R.clamp(min=0)).masked_fill_(context_R < 0, 1)
        p_RV = weight_R[:, None] * p_V
        for place, share in reversed(parts):
            p_RV.view(-1)[place] += share
        p_RV.log_()
        p_RV[:, self.never] = NEVER
        return p_RV

    @torch.no_grad()
    def steps(self, contexts: list[Tensor], word: int) -> list[Step]:
        """How each order from 1 to N answers: probabilities are share + weight x that below.

        Args:
            contexts: Nodes of the lengths 0 to N - 1, one number each.
            word: The word that is asked for.
        """
        steps = []
        for n, context in enumerate(contexts, start=1):
            if context < 0:
                steps.append(Step(0, 0, 0.0, 1.0))
                continue
            node = self._child(n, context.view(1), context.new_full((1,), word))
            total = int(self.followers[context, 0])
            share, weight = self._share(n, context.view(1), node), self._weight(n, context.view(1))
            count = int(self.counts[node.clamp(min=0)])  # that of the root is 0
            steps.append(Step(total, count, share.item(), weight.item()))
        return steps

    @torch.no_grad()
    def ngrams(self) -> Iterator[NGrams]:
        """All n-grams, one order after the other, with what an ARPA file says of them."""
        p = self._uniform()
        suffix = self.keys.new_zeros(1)
        for n in range(1, self.order + 1):
            below = self.ends[n - 2] if n > 1 else 0
            nodes = self._range(self.ends[n - 1], self.ends[n])
            parent = self.keys[nodes] // self.words
            word = self.keys[nodes] - parent * self.words
            if n > 1:
                # Without its first word an n-gram is its parent's suffix and the same last word.
                suffix = self._child(n - 1, suffix[parent - below], word)
                p = p[suffix - below]
            else:
                suffix = torch.zeros_like(nodes)
            p = self._share(n, parent, nodes) + self._weight(n, parent) * p
            after = self._weight(n + 1, nodes) if n < self.order else torch.ones_like(p)
            yield NGrams(*(part.cpu().numpy() for part in (parent - below, word, p, after)))

    def _child(self, n: int, parent: Tensor, word: Tensor) -> Tensor:
        """The n-grams of length n made of a node and one more word; -1 where there is none."""
        if n == 1:
            return word + 1
        keys = self.keys[self.ends[n - 1] : self.ends[n]]
        child = torch.full_like(parent, -1)
        at = (parent >= 0).nonzero(as_tuple=True)
        if not len(keys) or not len(at[0]):
            return child
        # Sorted they are found near one another: 80 thousand in 40 ms instead of 150.
        wanted, order = (parent[at] * self.words + word[at]).sort()
        place = torch.searchsorted(keys, wanted).clamp_(max=len(keys) - 1)
        node = torch.where(keys[place] == wanted, place + self.ends[n - 1], -1)
        child[tuple(axis[order] for axis in at)] = node
        return child

    def _followers_of(self, n: int, context_R: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All n-grams of length n that begin with each context: row, context and node of each."""
        keys = self.keys[self.ends[n - 1] : self.ends[n]]
        row = (context_R >= 0).nonzero()[:, 0]
        context = context_R[row]
        first = torch.searchsorted(keys, context * self.words)
        size = torch.searchsorted(keys, (context + 1) * self.words) - first
        skipped = (self.ends[n - 1] + first - size.cumsum(0) + size).repeat_interleave(size)
        row, context = row.repeat_interleave(size), context.repeat_interleave(size)
        return row, context, skipped + self._range(0, len(row))

    def _range(self, start: int, stop: int) -> Tensor:
        return torch.arange(start, stop, device=self.keys.device)

    def _uniform(self) -> Tensor:
        """The distribution below order 1: float32 [V]."""
        words = max(1, self.words - len(self.never))
        p_V = self.discounts.new_full((self.words,), 1 / words, dtype=torch.float32)
        p_V[self.never] = 0
        return p_V

    def _weight(self, n: int, context_R: Tensor) -> Tensor:
        """What the order below n weighs after n - 1 words; 1 where nothing followed them."""
        one, two, more = self.discounts[n - 1].float()
        total, ones, twos, mores = self.followers[context_R].float().unbind(-1)
        weight = (one * ones + two * twos + more * mores) / total.clamp(min=1)
        return weight.masked_fill_(total == 0, 1)

    def _share(self, n: int, context_R: Tensor, node_R: Tensor) -> Tensor:
        """The discounted probability of an n-gram's last word after its context; 0 for none."""
        amounts = nn.functional.pad(self.discounts[n - 1].float(), (1, 0))
        # The root, which stands in for a missing node, has count 0.
        count_R = self.counts[node_R.clamp(min=0)]
        kept = count_R.float() - amounts[count_R.clamp(max=3)]
        return kept / self.followers[context_R, 0].float().clamp(min=1)
