"""`monitor compare`: similarity of picture files; a table, JSON, or CSV in and out."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.progress import progress_bar
from monitor.cli.show import show_json, show_table
from monitor.errors import PictureError


@click.command()
@click.argument("reference", required=False, type=click.Path(path_type=Path))
@click.argument("candidates", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--pairs",
    "pairs_file",
    type=click.Path(path_type=Path),
    help="A CSV file with the columns asset,candidate (paths); other columns are passed through.",
)
@click.option(
    "--out",
    "out_file",
    type=click.Path(path_type=Path),
    help="Where --pairs writes its CSV; without it, to stdout.",
)
@click.option(
    "--explain",
    "explain_file",
    type=click.Path(path_type=Path),
    help="Draw both pictures, what they share and the points that agree, to this file.",
)
def compare(
    reference: Path | None,
    candidates: tuple[Path, ...],
    pairs_file: Path | None,
    out_file: Path | None,
    explain_file: Path | None,
    *,
    as_json: bool,
) -> int:
    """Compare the picture file REFERENCE with each CANDIDATE, or all pairs of a CSV file.

    \b
    monitor compare ours.jpg theirs.jpg other.png
    monitor compare --explain why.png ours.jpg theirs.jpg
    monitor compare --pairs in.csv --out out.csv

    Exits 1 when a file could not be read; the others are compared all the same.
    """
    if pairs_file is not None:
        if reference is not None or as_json or explain_file is not None:
            raise click.UsageError("--pairs stands alone: without files, --json and --explain")
        return _compare_pairs(pairs_file, out_file)
    if out_file is not None:
        raise click.UsageError("--out goes with --pairs")
    if reference is None or not candidates:
        raise click.UsageError("give REFERENCE and at least one CANDIDATE, or --pairs")
    if explain_file is not None and len(candidates) != 1:
        raise click.UsageError("--explain draws one pair: give one CANDIDATE")
    return _compare_files(reference, candidates, explain_file, as_json=as_json)


def _compare_files(
    reference: Path, candidates: tuple[Path, ...], explain_file: Path | None, *, as_json: bool
) -> int:
    from monitor import matching
    from monitor.compare.files import decode_file, fingerprint_file, save_drawing

    ours = fingerprint_file(reference)
    results: list[dict[str, object]] = []
    drawing: matching.Image | None = None
    for path in candidates:
        try:
            found = matching.examine(ours, fingerprint_file(path))
        except PictureError as error:
            click.echo(f"Error: {error}", err=True)
            results.append({"file": str(path), "score": None, "error": str(error)})
            continue
        if explain_file is not None:
            one, other = decode_file(reference).image, decode_file(path).image
            drawing = matching.draw_comparison(one, other, found)
        similarity = found.similarity
        results.append(
            {
                "file": str(path),
                "score": similarity.score,
                "relation": similarity.relation,
                "method": similarity.method,
                "mirrored": similarity.mirrored,
                "region": similarity.region,
                "reasons": similarity.reasons,
                "error": None,
            }
        )
    _show(results, as_json=as_json)
    if explain_file is not None and drawing is not None:
        save_drawing(drawing, explain_file)
    return int(any(result["error"] for result in results))


def _show(results: list[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        show_json(results)
        return
    rows = [
        [
            str(result["file"]),
            f"{result['score']:.6f}",
            str(result["relation"]),
            str(result["method"]),
            "yes" if result["mirrored"] else "no",
        ]
        for result in results
        if not result["error"]
    ]
    if rows:
        show_table(("file", "score", "relation", "method", "mirrored"), rows)


def _compare_pairs(pairs_file: Path, out_file: Path | None) -> int:
    from monitor.compare.pairs import compare_pairs

    failed = compare_pairs(pairs_file, out_file, progress_bar)
    if failed:
        click.echo(f"{failed} pairs could not be compared; see the column error", err=True)
    return int(failed > 0)
