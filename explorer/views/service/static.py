"""The viewer's files and the plot library, and what leads to the page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from explorer.views import viewer
from explorer.views.service.failures import SENTENCES, failure


def static_files() -> APIRouter:
    """The viewer and the plot library."""
    router = APIRouter()

    @router.get("/plotly.min.js")
    def plot_library() -> Response:
        return FileResponse(viewer.PLOTLY, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})

    @router.get("/{name:path}")
    async def source(name: str) -> Response:
        path = viewer.sources().get(name)
        if path is None:
            return failure(404, SENTENCES[404])
        media_type = viewer.MEDIA_TYPES[path.suffix]
        return Response(path.read_bytes(), media_type=media_type, headers={"Cache-Control": "no-cache"})

    return router


def link(request: Request) -> RedirectResponse:
    """A link whose state lacks its “#”: “&hide=head” written at the end of an address that had no state."""
    state = request.scope["raw_path"].decode("latin-1").partition("&")[2]  # not the path, whose escapes are undone
    return RedirectResponse(f"{request.scope['root_path']}/#{state}")
