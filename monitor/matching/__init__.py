"""Pictures -> similarity: decode bytes, fingerprint, compare two fingerprints, query an index.

Nothing here reads files, the network or a clock; everything may be called from several threads.
"""

from PIL.Image import Image

from monitor.matching.compare import METHOD, Comparison, compare, examine
from monitor.matching.decode import DecodedPicture, Limits, decode
from monitor.matching.explain import draw_comparison
from monitor.matching.fingerprint import ALGORITHM, ALGORITHMS, fingerprint
from monitor.matching.index import Index, bands, near_identical
from monitor.matching.plain_copy import plain_copy_score

__all__ = [
    "ALGORITHM",
    "ALGORITHMS",
    "METHOD",
    "Comparison",
    "DecodedPicture",
    "Image",
    "Index",
    "Limits",
    "bands",
    "compare",
    "decode",
    "draw_comparison",
    "examine",
    "fingerprint",
    "near_identical",
    "plain_copy_score",
]
