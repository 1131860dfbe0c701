"""`monitor report`: the matches as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.context import load_config, open_store


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The file to write.",
)
@click.option("--watch", help="Only this watch.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Only matches from this score.")
@click.option("--limit", type=click.IntRange(1), default=500, show_default=True)
@click.pass_context
def report(
    ctx: click.Context, out: Path, watch: str | None, min_score: float | None, limit: int
) -> None:
    """Write a self-contained HTML report: every match with a drawing of what the pictures share."""
    from monitor.app import utc_now
    from monitor.cli.progress import progress_bar
    from monitor.report.build import build_report, summary, write_report
    from monitor.storage.catalogue.files import PictureFiles

    files = PictureFiles(load_config(ctx).storage.pictures)
    with open_store(ctx) as store, progress_bar("drawing") as show:
        built = build_report(
            store, files, utc_now(), watch=watch, min_score=min_score, limit=limit, show=show
        )
    write_report(built, out)
    click.echo(f"{out}: {'; '.join(summary(built))}")
