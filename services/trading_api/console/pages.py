"""The console's page and the files it loads. Everything on it comes through the API, with the caller's own rights."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from shared.complex.complexes import Complexes

HERE = Path(__file__).parent


def add_console(app: FastAPI, complexes: Complexes, *, scenes: bool = False) -> None:
    """Let an app serve the console at its root, with the panel of a demo's scenes where there are any."""
    templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    notes = [complex_.note for complex_ in complexes.values()]
    page = templates.get_template("console.html").render(notes=notes, scenes=scenes)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def get_console() -> HTMLResponse:
        """Return the console, which asks for a key where there is no session."""
        return HTMLResponse(page, headers={"Cache-Control": "no-cache"})

    @app.get("/favicon.ico", include_in_schema=False)
    def get_icon() -> FileResponse:
        """Return the icon, which a browser asks for by this name beside every page that names none, as a document."""
        return FileResponse(HERE / "static" / "sandan.svg")
