"""What a request that cannot be met is answered with: a status from 400, and one sentence for people as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from explorer.images import InputError
from explorer.views.service.errors import Full, Gone, Superseded, TooSlow
from explorer.views.service.messages import Failure

SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address is not there to be asked in this way.",
    500: "Something went wrong here that should not: the server's terminal says what.",
}


def printable(text: str) -> str:
    """With what is no sign to be seen replaced, such as ends of lines in a name."""
    return "".join(each if each.isprintable() else "_" for each in text)


def failure(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer itself."""
    content: Failure = {"error": printable(sentence)}
    return JSONResponse(content, status_code=status, headers=headers)


def answer_failures(server: FastAPI) -> None:
    """Have every failure of a server's routes answered so."""
    server.add_exception_handler(InputError, lambda _, error: failure(422, str(error)))
    server.add_exception_handler(Gone, _gone)
    server.add_exception_handler(Full, lambda _, error: failure(503, str(error), {"Retry-After": "10"}))
    server.add_exception_handler(TooSlow, lambda _, error: failure(408, str(error), {"Connection": "close"}))
    server.add_exception_handler(Superseded, lambda *_: Response(status_code=204))
    server.add_exception_handler(RequestValidationError, _misunderstood)
    server.add_exception_handler(HTTPException, _refused)
    server.add_exception_handler(Exception, lambda *_: failure(500, SENTENCES[500]))


def _gone(_request: Request, _error: Exception) -> JSONResponse:
    return failure(410, "The server no longer holds this picture: please open it again.")


def _misunderstood(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])[:40]
    return failure(422, f"“{name}” is not as it has to be here: {first['msg']}.")


def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return failure(error.status_code, SENTENCES.get(error.status_code, "This cannot be answered."), error.headers)
