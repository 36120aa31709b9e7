"""Lists of people, as they leave: NDJSON, or CSV that no program of tables takes for formulas."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic_core import to_json

NDJSON, CSV = "application/x-ndjson", "text/csv"
# By which a formula begins, also as Chinese and Japanese editions read it.
FORMULA = (*"=+-@\t\r\n", *"＝＋－＠")  # noqa: RUF001 - full width, as it is written
Row = Mapping[str, Any]


def listed(description: str, ndjson: str, csv: str) -> dict[int | str, dict[str, Any]]:
    """Return what a route says in OpenAPI of the list that it answers.

    Args:
        description: Of one line, and of their order.
        ndjson: An example of each form.
        csv: Likewise.
    """
    return {
        200: {
            "description": f"{description} By `Accept` NDJSON or CSV.",
            "content": {
                NDJSON: {"schema": {"type": "string"}, "example": ndjson},
                CSV: {
                    "schema": {
                        "type": "string",
                        "description": "An id that a program of tables would take for a formula "
                        "has an apostrophe before it; as NDJSON it is as it is.",
                    },
                    "example": csv,
                },
            },
        }
    }


def streamed(
    request: Request,
    file: str,
    columns: Sequence[str],
    parts: AsyncIterator[Sequence[Row]],
    flat: Callable[[Row], Row] = dict,
) -> StreamingResponse:
    """Answer a list part by part, in the form that is asked for.

    Args:
        request: Who asks.
        file: What it is to be called, without its ending.
        columns: Names of what each row of CSV has.
        parts: Some rows at a time.
        flat: Makes one value of whatever is to be one cell of CSV.
    """
    is_csv = _wants_csv(request)
    headers = {
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "Content-Disposition": f'attachment; filename="{file}.{"csv" if is_csv else "ndjson"}"',
    }
    lines = _as_csv(columns, parts, flat) if is_csv else _as_ndjson(parts)
    return StreamingResponse(lines, 200, headers, CSV if is_csv else NDJSON)


async def _as_ndjson(parts: AsyncIterator[Sequence[Row]]) -> AsyncIterator[bytes]:
    async for rows in parts:
        yield b"".join(to_json(row) + b"\n" for row in rows)


async def _as_csv(
    columns: Sequence[str], parts: AsyncIterator[Sequence[Row]], flat: Callable[[Row], Row]
) -> AsyncIterator[bytes]:
    yield ",".join(columns).encode() + b"\n"
    async for rows in parts:
        yield _csv([_as_cell(row[column]) for column in columns] for row in map(flat, rows))


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().encode()


def _as_cell(value: object) -> object:
    """Write a text so that no program of tables takes it for a formula: visitors choose theirs.

    Source: OWASP, CSV Injection.
    """
    is_formula = isinstance(value, str) and value.startswith(FORMULA)
    return f"'{value}" if is_formula else value


def _wants_csv(request: Request) -> bool:
    """Say whether CSV comes before NDJSON among what a client takes."""
    asked = request.headers.get("accept", "").casefold()
    return CSV in asked and not 0 <= asked.find("ndjson") < asked.find(CSV)
