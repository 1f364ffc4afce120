"""What is known of each record, as arrays: what the step over the table noted, and its fate."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from prosa.data.duplicates import Fingerprints, Mask
from prosa.data.kinds import Kind
from prosa.data.parallel import Stored
from prosa.data.signatures import SHORT, Hashes, Signatures
from prosa.data.steps import COMPARED


class Fate(IntEnum):
    """What becomes of a record; the names are the report's."""

    KEPT = 0
    EMPTY = 1
    PLACEHOLDER = 2
    FILTERED = 3
    EXACT_DUPLICATES = 4
    NEAR_DUPLICATES = 5


@dataclass(frozen=True)
class Facts:
    """What `steps.prepared` noted about the records, and what becomes of them.

    Attributes:
        repair: uint8 [records], `Repair`.
        exact: uint64 [records], the hash of all a record says.
        filter: uint8 [records], which of `REASONS` drops it, from 1; 0 for none.
        texts: Its compared texts as numbers.
        fate: uint8 [records], `Fate`; the first reason to drop a record stands.
    """

    repair: NDArray[np.uint8]
    exact: Hashes
    filter: NDArray[np.uint8]
    texts: list[Fingerprints]
    fate: NDArray[np.uint8]

    @property
    def kept(self) -> Mask:
        """Those that are not dropped: bool [records]."""
        mask: Mask = self.fate == Fate.KEPT
        return mask

    def drop(self, mask: Mask, fate: Fate) -> None:
        """Give a fate to those that have none yet."""
        self.fate[mask & self.kept] = fate


def read_facts(stored: Stored, kind: Kind) -> Facts:
    """Read what `steps.prepared` noted."""
    texts = []
    for place in range(len(COMPARED[kind])):
        identity, words = stored.arrays([f"#identity{place}", f"#words{place}"])
        minhash = f"#minhash{place}"
        columns = (batch.column(minhash) for batch in stored.batches([minhash]))
        path = stored.paths[0].with_name(f"minhash{place}")
        signatures = Signatures.stored(words >= SHORT, columns, path)
        texts.append(Fingerprints(identity, words, signatures))
    names = ["#repair", "#exact", "#filter", "#empty"]
    repair, exact, dropped_by, empty = stored.arrays(names)
    fate = np.where(empty, np.uint8(Fate.EMPTY), np.uint8(Fate.KEPT))
    return Facts(repair, exact, dropped_by, texts, fate)
