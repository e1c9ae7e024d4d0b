"""GraphiQL in the browser, from this server alone: its page and the pinned files that page loads."""

from __future__ import annotations

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

HERE = Path(__file__).parent
MODULES = HERE / "packages" / "node_modules"

# The one list of what the page loads, in the order it is loaded: package, file in it, name we serve it by.
FILES = (
    ("graphiql", "graphiql.min.css", "graphiql-{}.min.css"),
    ("react", "umd/react.production.min.js", "react-{}.min.js"),
    ("react-dom", "umd/react-dom.production.min.js", "react-dom-{}.min.js"),
    ("graphql-ws", "umd/graphql-ws.min.js", "graphql-ws-{}.min.js"),
    ("graphiql", "graphiql.min.js", "graphiql-{}.min.js"),
)

# The version is in the name, so that a browser may keep a file for ever and still see an upgrade at once.
VERSIONS: dict[str, str] = json.loads((HERE / "packages" / "package.json").read_bytes())["dependencies"]
ASSETS = {name.format(VERSIONS[package]): MODULES / package / path for package, path, name in FILES}

# GraphiQL's dialogs lock the page's scrolling by one <style> element of always the same text: its hash is enough.
DIALOG_STYLE = "sha256-Y/huXlwoYkVyQlxwSVcCi1RCDGDCSVBzDt0hYP9qlTc="

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' '{DIALOG_STYLE}'",
        "img-src 'self' data:",
        "font-src data:",  # GraphiQL's style sheet carries its fonts in itself
        "connect-src 'self'",  # covers the WebSocket of the same host and port, too (CSP level 3)
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
ASSET_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}

templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)


def response(request: Request) -> Response:
    """The page; a credential reaches it in the address's fragment, which no server, log or referrer sees."""
    return HTMLResponse(page(), headers=PAGE_HEADERS)


def page() -> str:
    """GraphiQL where its files are installed, otherwise the sentence that says how to install them."""
    return templates.get_template("graphiql.html").render(
        installed=all(path.is_file() for path in ASSETS.values()),
        styles=[name for name in ASSETS if name.endswith(".css")],
        scripts=[name for name in ASSETS if name.endswith(".js")],
    )


async def asset(request: Request) -> Response:
    """One file of the table above, and nothing else of that folder."""
    path = ASSETS.get(request.path_params["name"])
    if path is None or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, headers=ASSET_HEADERS)


routes: list[BaseRoute] = [Route("/graphql/assets/{name}", asset)]
