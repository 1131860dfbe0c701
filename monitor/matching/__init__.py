"""Pictures -> similarity: decode bytes, fingerprint, compare two fingerprints, query an index.

Nothing here reads files, the network or a clock; everything may be called from several threads.
"""

from PIL.Image import Image

from monitor.matching.compare import METHOD, Comparison, compare, examine
from monitor.matching.decode import DecodedPicture, Limits, decode
from monitor.matching.explain import draw_comparison
from monitor.matching.fingerprint import ALGORITHM, ALGORITHMS, derive, fingerprint
from monitor.matching.index import INDEX_ALGORITHMS, Candidate, Index, bands, near_identical

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
    "derive",
    "draw_comparison",
    "examine",
    "fingerprint",
    "near_identical",
]
