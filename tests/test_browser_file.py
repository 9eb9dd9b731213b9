"""The tab File in a real browser: what is listed are the bytes that Python writes, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser import ROOT, settle

from explorer import bitstream
from explorer.condition import Condition
from explorer.lambda_map import LambdaMap
from explorer.session import Session

if TYPE_CHECKING:
    from playwright.sync_api import Page


def fields(page: Page) -> dict[str, tuple[bytes, str]]:
    """What is listed, once it is of the λ that is shown: name -> (bytes, value)."""
    settle(page)
    page.wait_for_selector(".mae-file[data-waiting=false]")
    rows = page.locator("[data-file=fields] tr").all()
    cells = [row.locator("th, td").all_inner_texts() for row in rows]
    return {name: (bytes.fromhex(listed), value) for name, listed, value, _ in cells}


def test_the_file_is_pythons_field_by_field(page: Page, session: Session) -> None:
    page.click("[data-tab=file]")
    for lmbda in (256, 1024):
        page.evaluate(f"{ROOT}.viewer.set({{ lambda: {lmbda} }})")
        found, data = fields(page), session.encode(lmbda)
        header, payload = bitstream.unpack(data)
        assert b"".join(listed for listed, _ in found.values()) == data[: bitstream.HEADER_BYTES]
        assert {name: value for name, (_, value) in found.items()} == {
            "magic": "MAE", "version": "1", "checkpoint": header.model, "width": "768", "height": "512",
            "level": f"λ {lmbda}", "length": f"{len(payload):,}", "CRC-32": "matches",
        }  # fmt: skip
        assert f"at λ {lmbda} has {len(data):,} bytes, {8 * len(data) / (768 * 512):.4g}" in page.inner_text(
            "[data-file=summary]"
        )
        lines = page.inner_text("[data-file=bytes]").splitlines()
        assert bytes.fromhex("".join(line[6:] for line in lines)) == data[:256]
    assert page.is_hidden("[data-part=overlayBox]")  # there is no map to lay over the picture


def test_the_file_of_a_map_says_so(page: Page, session: Session) -> None:
    painted = LambdaMap.of([[0] * 12, [0, 5] * 6, *[[0] * 12] * 6])
    page.evaluate(f"{ROOT}.viewer.set({{ lambda: 256, paint: '{painted.text}', view: 'file' }})")
    found, data = fields(page), session.encode(Condition.of(256, painted))
    size = bitstream.unpack(data)[0].map_bytes
    whole = bitstream.HEADER_BYTES + size
    assert b"".join(listed for listed, _ in found.values()) == data[:whole]
    assert [found[name][1] for name in ("version", "CRC-32", "λ map")] == ["2", "matches", "8 × 12 blocks"]
    expected = f"header 23 bytes · λ map {size} bytes · y {len(data) - whole:,} bytes"
    assert page.inner_text("[data-file=shares]") == expected


def test_what_is_not_counted_but_expected_is_marked(page: Page) -> None:
    page.evaluate(f"{ROOT}.viewer.set({{ model: 'mae-hyperprior', view: 'file', lambda: 512 }})")
    found = fields(page)
    side = page.evaluate(f"{ROOT}.viewer.shown.header.side_bits") / 8
    payload = int.from_bytes(found["length"][0], "big")
    expected = f"header 23 bytes · ≈ z {side:,.0f} bytes · ≈ y {payload - side:,.0f} bytes"
    assert page.inner_text("[data-file=shares]") == expected
    widths = page.evaluate("Array.from(document.querySelector('[data-file=bar]').children, (part) => part.clientWidth)")
    assert widths[1] / widths[2] == pytest.approx(side / (payload - side), rel=0.1)


def test_a_damaged_file_is_told(page: Page) -> None:
    flip = f"""() => {{
      const {{ transport }} = {ROOT}.viewer;
      const load = transport.file;
      transport.file = async (...query) => {{
        const {{ name, blob }} = await load(...query);
        const bytes = new Uint8Array(await blob.arrayBuffer());
        bytes[100] ^= 1;
        return {{ name, blob: new Blob([bytes]) }};
      }};
    }}"""
    page.evaluate(flip)
    page.click("[data-tab=file]")
    assert fields(page)["CRC-32"][1] == "does not match"
