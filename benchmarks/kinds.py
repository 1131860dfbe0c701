"""The kinds of edits of the recognition benchmark, by name."""

from __future__ import annotations

from typing import Final

import seller_edits as e
from edits import banner_added, banner_over
from seller_edits import Edit, chain, simple

_mirror, _recompress = simple(e.mirrored), simple(e.recompressed)
_over, _added = simple(banner_over), simple(banner_added)
_light_crop = e.cropped(0.75, 0.92)

LISTED: Final[dict[str, Edit]] = {
    "recompressed": _recompress,
    "resized down": e.resized(0.25, 0.5),
    "resized up": e.resized(1.5, 2.0),
    "cropped to 75-92 %": _light_crop,
    "cropped to 40-65 %": e.cropped(0.4, 0.65),
    "mirrored": _mirror,
    "rotated 2-15": e.rotated(2, 15),
    "turned 90/180/270": simple(e.turned),
    "banner over": _over,
    "banner added": _added,
    "sticker": simple(e.sticker),
    "large stamp": simple(e.stamped_large),
    "watermark all over": simple(e.watermarked),
    "price tag": simple(e.price_tag),
    "text lines": simple(e.text_lines),
    "framed": simple(e.framed),
    "collage of 2": e.collage(2, 1),
    "collage of 4": e.collage(2, 2),
    "pasted 50-80 %": e.pasted(0.5, 0.8),
    "cut out": e.cut_out,
    "hue shifted": simple(e.hue_shifted),
    "tinted": simple(e.tinted),
    "brightness, contrast": simple(e.relit),
    "screenshot": simple(e.screenshot),
    "mirrored, cropped, banner": chain(_mirror, _light_crop, _over),
    "framed, recoloured, small": chain(simple(e.framed), simple(e.tinted), e.resized(0.3, 0.5)),
    "cropped, watermark, q": chain(_light_crop, simple(e.watermarked), _recompress),
}
UNSEEN: Final[dict[str, Edit]] = {
    "grey": simple(e.grey),
    "gamma": simple(e.gamma),
    "blurred": simple(e.blurred),
    "sharpened": simple(e.sharpened),
    "noisy": simple(e.noisy),
    "posterised": simple(e.posterised),
    "tiny": simple(e.tiny),
    "stretched": simple(e.stretched),
    "sheared": simple(e.sheared),
    "perspective": simple(e.perspective),
    "waved": simple(e.waved),
    "vignetted": simple(e.vignetted),
    "shadowed": simple(e.shadowed),
    "confetti": simple(e.confetti),
    "pixelated part": simple(e.pixelated_part),
    "blended with another": e.blended,
    "round mask": simple(e.round_masked),
    "polaroid on a table": e.polaroid,
    "photographed screen": simple(e.photographed_screen),
    "collage of 9": e.collage(3, 3),
    "rotated 20-70, cropped": chain(e.rotated(20, 70), _light_crop),
    "mirrored, hue, sticker": chain(_mirror, simple(e.hue_shifted), simple(e.sticker)),
    "askew, framed, tinted": chain(e.rotated(4, 12), simple(e.framed), simple(e.tinted)),
    "turned, sticker, small": chain(simple(e.turned), simple(e.sticker), e.resized(0.3, 0.5)),
    "mirrored, cropped to half": chain(_mirror, e.cropped(0.55, 0.75), _recompress),
    "perspective, watermark, q": chain(simple(e.perspective), simple(e.watermarked), _recompress),
    "screenshot of a mirrored crop": chain(_mirror, _light_crop, simple(e.screenshot)),
    "stretched in a collage": chain(simple(e.stretched), e.collage(2, 2)),
    "mirrored, shadowed, text": chain(_mirror, simple(e.shadowed), simple(e.text_lines)),
    "mirrored in a collage, q": chain(_mirror, e.collage(2, 2), _recompress),
}
KINDS: Final = {**LISTED, **UNSEEN}
# What honest pictures get too.
DISGUISES: Final = (
    "banner over", "banner added", "watermark all over", "framed", "collage of 4", "pasted 50-80 %",
    "price tag", "screenshot", "large stamp", "mirrored, cropped, banner",
)  # fmt: skip
