"""The kinds of edits of the recognition benchmark, by name."""

from __future__ import annotations

from typing import Final

import plain_edits as p
import seller_edits as e
from banners import banner_added, banner_over
from plain_edits import Edit
from seller_edits import chain, simple

_mirror, _recompress = simple(p.mirrored), simple(p.recompressed)
_over, _added = simple(banner_over), simple(banner_added)
_light_crop = p.cropped(0.75, 0.92)

LISTED: Final[dict[str, Edit]] = {
    "recompressed": _recompress,
    "resized down": p.resized(0.25, 0.5),
    "resized up": p.resized(1.5, 2.0),
    "cropped to 75-92 %": _light_crop,
    "cropped to 40-65 %": p.cropped(0.4, 0.65),
    "mirrored": _mirror,
    "rotated 2-15": p.rotated(2, 15),
    "turned 90/180/270": simple(p.turned),
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
    "hue shifted": simple(p.hue_shifted),
    "tinted": simple(p.tinted),
    "brightness, contrast": simple(p.relit),
    "screenshot": simple(e.screenshot),
    "mirrored, cropped, banner": chain(_mirror, _light_crop, _over),
    "framed, recoloured, small": chain(simple(e.framed), simple(p.tinted), p.resized(0.3, 0.5)),
    "cropped, watermark, q": chain(_light_crop, simple(e.watermarked), _recompress),
}
UNSEEN: Final[dict[str, Edit]] = {
    "grey": simple(p.grey),
    "gamma": simple(p.gamma),
    "blurred": simple(p.blurred),
    "sharpened": simple(p.sharpened),
    "noisy": simple(p.noisy),
    "posterised": simple(p.posterised),
    "tiny": simple(p.tiny),
    "stretched": simple(p.stretched),
    "sheared": simple(p.sheared),
    "perspective": simple(p.perspective),
    "waved": simple(p.waved),
    "vignetted": simple(p.vignetted),
    "shadowed": simple(p.shadowed),
    "confetti": simple(e.confetti),
    "pixelated part": simple(e.pixelated_part),
    "blended with another": e.blended,
    "round mask": simple(e.round_masked),
    "polaroid on a table": e.polaroid,
    "photographed screen": simple(e.photographed_screen),
    "collage of 9": e.collage(3, 3),
    "rotated 20-70, cropped": chain(p.rotated(20, 70), _light_crop),
    "mirrored, hue, sticker": chain(_mirror, simple(p.hue_shifted), simple(e.sticker)),
    "askew, framed, tinted": chain(p.rotated(4, 12), simple(e.framed), simple(p.tinted)),
    "turned, sticker, small": chain(simple(p.turned), simple(e.sticker), p.resized(0.3, 0.5)),
    "mirrored, cropped to half": chain(_mirror, p.cropped(0.55, 0.75), _recompress),
    "perspective, watermark, q": chain(simple(p.perspective), simple(e.watermarked), _recompress),
    "screenshot of a mirrored crop": chain(_mirror, _light_crop, simple(e.screenshot)),
    "stretched in a collage": chain(simple(p.stretched), e.collage(2, 2)),
    "mirrored, shadowed, text": chain(_mirror, simple(p.shadowed), simple(e.text_lines)),
    "mirrored in a collage, q": chain(_mirror, e.collage(2, 2), _recompress),
}
KINDS: Final = {**LISTED, **UNSEEN}
# What honest pictures get too.
DISGUISES: Final = (
    "banner over", "banner added", "watermark all over", "framed", "collage of 4", "pasted 50-80 %",
    "price tag", "screenshot", "large stamp", "mirrored, cropped, banner",
)  # fmt: skip
