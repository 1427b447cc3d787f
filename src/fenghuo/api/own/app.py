"""Our own API as one application with an OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from fenghuo.api.own.errors import install_error_handlers


def own_api(routers: Sequence[APIRouter], version: str) -> FastAPI:
    """To be mounted at ``/api/fenghuo``. The document is at ``openapi.json`` below it; there is no bundled viewer,
    since a page that loads scripts from elsewhere has no place here."""
    app = FastAPI(
        title="Fenghuo",
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    for router in routers:
        app.include_router(router)
    install_error_handlers(app)
    return app
