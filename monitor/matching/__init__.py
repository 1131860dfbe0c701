"""Pictures -> similarity: decode bytes, fingerprint, compare two fingerprints, query an index.

Nothing here reads files, the network or a clock; everything may be called from several threads.
"""

from PIL.Image import Image

from monitor.matching.compare import METHOD, compare
from monitor.matching.decode import DecodedPicture, Limits, decode
from monitor.matching.fingerprint import ALGORITHM, fingerprint
from monitor.matching.index import Index, bands, near_identical

__all__ = [
    "ALGORITHM",
    "METHOD",
    "DecodedPicture",
    "Image",
    "Index",
    "Limits",
    "bands",
    "compare",
    "decode",
    "fingerprint",
    "near_identical",
]
