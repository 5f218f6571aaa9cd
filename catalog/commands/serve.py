"""``headbook serve``: the API, and the site if it was built."""

from __future__ import annotations

import errno
import gc
import socket
from pathlib import Path
from typing import Annotated

import typer

from catalog import places


def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    database: Annotated[
        Path | None, typer.Option(help="Database file; build/headbook.sqlite if not given.")
    ] = None,
    site: Annotated[
        Path | None, typer.Option(help="Folder of the built site; build/site if not given.")
    ] = None,
) -> None:
    """Serve the API under /v1, and the built site."""
    # Nothing that starts up is let go again: the collector need not look through it, now or later
    gc.disable()
    import uvicorn

    from api.app import create_app
    from catalog.commands.errors import CommandError
    from catalog.database import DatabaseError

    if site is not None and not (site / "index.html").is_file():
        raise CommandError(f"there is no built site in {site}; run: headbook site", exit_code=2)
    built = site or places.build_dir() / "site"
    has_site = (built / "index.html").is_file()
    try:
        app = create_app(database or places.database_file(), built if has_site else None)
    except DatabaseError as error:
        raise CommandError(str(error)) from error
    gc.freeze()
    gc.enable()
    listener = _listen(host, port)
    config = uvicorn.Config(app, log_level="warning", server_header=False)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listener.getsockname()[1]}"
    what = address if has_site else f"{address}/v1 (no site: build it with `headbook site`)"
    typer.echo(f"Headbook is at {what}; Ctrl-C stops it")
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn has closed everything and passes the signal on
        return
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that the port is ours before anything is printed."""
    from catalog.commands.errors import CommandError

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CommandError(f"{host!r} is no address of this machine ({error.strerror})") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(100)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"port {port} is taken: stop what listens there, or choose another with --port"
                " (--port 0 takes a free one)"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise CommandError(
                f"this user may not listen on port {port}: choose one above 1023 with --port"
            ) from error
        raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener
