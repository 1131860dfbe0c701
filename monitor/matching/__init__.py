"""Pictures -> similarity: decode bytes, fingerprint, compare two fingerprints, query an index.

Nothing here reads files, the network or a clock; everything may be called from several threads.
"""

from PIL.Image import Image

from monitor.matching.compare.compare import METHOD, Comparison, compare, examine
from monitor.matching.decode import DecodedPicture, PictureLimits, decode, decode_small
from monitor.matching.explain.drawing import draw_comparison, shrink
from monitor.matching.explain.recompute import name_change, recall
from monitor.matching.explain.words import reasons_in_words, relation_in_words
from monitor.matching.fingerprint.fingerprint import ALGORITHM, ALGORITHMS, derive, fingerprint
from monitor.matching.index.index import INDEX_ALGORITHMS, Candidate, Index, bands, near_identical
from monitor.matching.plain_copy import plain_copy_score

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
    "PictureLimits",
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
