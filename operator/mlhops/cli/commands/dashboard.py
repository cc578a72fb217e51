"""dashboard: the same views as web pages, on this machine and for this person."""

from __future__ import annotations

import click

from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.kubectl import Kubectl
from mlhops.cli.options import connected


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; a free one else."
)
@click.option("--open", "opens", is_flag=True, help="Open the first link in the browser.")
@connected
def dashboard(kubectl: Kubectl, port: int, *, opens: bool) -> Exit:
    """Show models as web pages, on this machine, until it is interrupted.

    The pages are read only and ask the cluster with your own rights. Each link lets one browser in, once; as soon as
    it is used, the next one is printed. Without -n it shows the models of all namespaces.
    """
    try:
        from mlhops.cli.dashboard.server import serve
    except ImportError as error:
        remedy = "install the plug-in with all it needs: pip install 'mlhops[cli]'"
        raise Trouble(f"the dashboard needs {error.name}", remedy, Exit.USAGE) from error
    announced: list[str] = []

    def announce(link: str) -> None:
        first = not announced
        announced.append(link)
        said = "the dashboard is at" if first else "that link is used up; for another browser"
        click.echo(f"{said} {link}")
        if first:
            click.echo("Ctrl-C ends it", err=True)
            if opens:
                click.launch(link)

    serve(kubectl, port, announce)
    return Exit.WELL
