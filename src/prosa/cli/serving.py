"""`prosa serve`."""

import os
from pathlib import Path

import typer

from prosa.cli import flags, shared, usage
from prosa.errors import InputError
from prosa.i18n import _


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command(cls=usage.Command, help=_("An OpenAI-compatible server of models and indexes."))
    def serve(
        models: list[str] = typer.Argument(
            None, metavar="MODEL...", help=_("Runs' folders or names, or Hugging Face ids.")
        ),
        index: list[str] = typer.Option([], help=_("An index that answers (may be repeated).")),
        host: str = typer.Option("127.0.0.1", help=_("The address to listen on.")),
        port: int = typer.Option(8000, min=0, max=65535, help=_("The port; 0 takes a free one.")),
        api_key: str | None = typer.Option(
            None, help=_("What requests must bring (or: PROSA_API_KEY).")
        ),
        allowed_host: list[str] = typer.Option(
            [], help=_("A further name by which it may be called (may be repeated).")
        ),
        max_waiting: int = typer.Option(64, min=0, help=_("Texts that may wait for their turn.")),
        as_json: bool = flags.as_json(),
    ) -> None:
        from prosa.extras import need

        need("fastapi", "serve")
        need("uvicorn", "serve")
        need("prometheus_client", "serve")
        key = api_key or os.environ.get("PROSA_API_KEY") or None
        local = _local(host, key)
        import torch

        from prosa.server.app import build
        from prosa.server.engines import Engines
        from prosa.server.run import run
        from prosa.server.settings import Settings

        # One processor is left for the requests: where two threads shared two of them with other
        # programs, 32 texts came at 117 tokens a second, and with one thread at 1,030.
        torch.set_num_threads(max(1, torch.get_num_threads() - 1))
        settings = Settings(key, local, tuple(allowed_host), max_waiting=max_waiting)
        sources = _named([*(models or ()), *index])
        engines = Engines(lambda: sources, settings)

        def started(url: str) -> None:
            for name in sources:
                engines.get(name)  # what is broken is said before anybody asks
            if as_json:
                shared.print_json({"url": f"{url}/v1", "models": list(sources)})
                return
            shared.say(_("Serving {names}").format(names=", ".join(sources)), f"  {url}/v1")
            if not local:
                shared.say(_("Other machines can reach it: the key is all that keeps them out."))
            shared.say(_("Ctrl-C ends it."))

        run(build(engines, settings), host, port, started=started)


def _local(host: str, key: str | None) -> bool:
    """Whether only this machine can reach an address.

    Raises:
        InputError: Others can, and there is no key.
    """
    import ipaddress

    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local and key is None:
        raise InputError(
            _("Other machines could use this server at {host}").format(host=host),
            expected=_("a key, by --api-key or PROSA_API_KEY"),
        )
    return local


def _named(places: list[str]) -> dict[str, str]:
    """Models and indexes by the names of their folders, or whole where two have the same."""
    from prosa import runs
    from prosa.search.stores import is_index

    if not places:
        raise InputError(_("Nothing to serve"), expected=_("a MODEL, or --index DIR"))
    sources: dict[str, str] = {}
    for place in places:
        path = place if is_index(place) else runs.resolve(place)
        name = Path(path).name if Path(path).is_dir() else place
        sources[place if name in sources else name] = path
    return sources
