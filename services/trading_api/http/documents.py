"""What is said of the API and of the bus, for machines and for people."""

from functools import cache

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse

from services.trading_api.http.guard import open_to_all
from shared.events import asyncapi

OPENAPI = "/openapi.json"
router = APIRouter(route_class=open_to_all(waits=False), include_in_schema=False)
pages = APIRouter(route_class=open_to_all(waits=False), include_in_schema=False)


@router.get(OPENAPI)
def get_openapi(request: Request) -> JSONResponse:
    """Return what can be called, as an OpenAPI document."""
    return JSONResponse(request.app.openapi())


@router.get("/asyncapi.json")
def get_asyncapi() -> JSONResponse:
    """Return what travels on the bus, as an AsyncAPI document."""
    return JSONResponse(_described_bus())


@cache
def _described_bus() -> dict[str, object]:
    return asyncapi.document()


@pages.get("/docs")
def get_docs(request: Request) -> HTMLResponse:
    """Return the page on which people read the OpenAPI document."""
    return get_swagger_ui_html(openapi_url=OPENAPI, title=request.app.title)
