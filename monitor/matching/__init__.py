"""Pictures -> similarity: decode bytes, fingerprint, compare two fingerprints, query an index.

Nothing here reads files, the network or a clock; everything may be called from several threads.
"""

from PIL.Image import Image

from monitor.matching.again import name_change, recall
from monitor.matching.compare import METHOD, Comparison, compare, examine
from monitor.matching.decode import DecodedPicture, Limits, decode, decode_small
from monitor.matching.explain import draw_comparison, shrink
from monitor.matching.fingerprint import ALGORITHM, ALGORITHMS, derive, fingerprint
from monitor.matching.index import INDEX_ALGORITHMS, Candidate, Index, bands, near_identical
from monitor.matching.plain_copy import plain_copy_score
from monitor.matching.wording import reasons_in_words, relation_in_words

__all__ = [
    "ALGORITHM",
    "ALGORITHMS",
    "INDEX_ALGORITHMS",
    "METHOD",
    "Candidate",
    "Comparison",
    "DecodedPicture",
    "Image",
    "Index",
    "Limits",
    "bands",
    "compare",
    "decode",
    "decode_small",
    "derive",
    "draw_comparison",
    "examine",
    "fingerprint",
    "name_change",
    "near_identical",
    "plain_copy_score",
    "reasons_in_words",
    "recall",
    "relation_in_words",
    "shrink",
]
