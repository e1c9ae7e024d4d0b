"""The benchmark runs: a tiny data set is served, both answer the same, the figures can be read. No time is judged."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import dataset, load, reads, writes
from bench.contenders import ADMIT, CONTENDERS
from bench.figures import Figure, medians
from bench.report import Report
from bench.stage import Stand, standing
from tests.conftest import POSTGRES

RAW = next(one for one in CONTENDERS if one.name == "raw")
COMPILED = next(one for one in CONTENDERS if one.name == "compiled")


@pytest.mark.skipif(bool(POSTGRES), reason="it brings an SQLite file of its own")
def test_admit_and_the_raw_limit_answer_the_same_and_are_measured(tmp_path: Path) -> None:
    data, missing = dataset.made(400, 20, folder=tmp_path), list[str]()
    report = Report("SQLite", {"admit": "Admit", "raw": "raw limit"}, {"tickets": 400}, missing=missing)

    with standing([ADMIT, COMPILED, RAW], data, missing, tmp_path) as stands:
        asyncio.run(reads.must_agree(stands))
        report.figures = [asyncio.run(_measured(stand)) for stand in stands]
        seated = [asyncio.run(_seated(stand)) for stand in stands if stand.contender is not COMPILED]

    assert missing == []
    assert seated == ["ACTIVE", "ACTIVE"]
    assert all(one.rate > 0 for one in report.figures)
    assert "| W2 (request) | raw limit |" in report.table()
    kept = report.write(tmp_path)
    assert [one["contender"] for one in json.loads(kept.read_bytes())["figures"]] == ["admit", "compiled", "raw"]
    bars = ElementTree.parse(kept.with_suffix(".svg")).findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 3


def test_the_figure_of_several_rounds_is_their_median() -> None:
    rounds = [Figure("W1", "admit", rate, cpu, p99=rate) for rate, cpu in ((1.0, 9.0), (50.0, 5.0), (2.0, 7.0))]

    assert medians(rounds) == [Figure("W1", "admit", 2.0, 7.0, p99=2.0)]


def test_the_table_stands_between_its_marks_in_the_docs(tmp_path: Path) -> None:
    report = Report("SQLite", {"admit": "Admit"}, {}, [Figure("W1", "admit", 10.0, 100.0)])
    (tmp_path / "images").mkdir()
    page = tmp_path / "performance.md"
    page.write_text("Before.\n<!-- sqlite: written by make bench DOCS=1 -->\nold\n<!-- end -->\nAfter.\n")

    report.publish(tmp_path)

    assert page.read_text().startswith("Before.\n<!-- sqlite")
    assert report.table() in page.read_text()
    assert page.read_text().endswith("<!-- end -->\nAfter.\n")
    assert "old" not in page.read_text()
    assert (tmp_path / "images" / "performance-sqlite.svg").exists()


async def _measured(stand: Stand) -> Figure:
    return await reads.w2(stand, 0.01, crowd=1)


async def _seated(stand: Stand) -> str:
    async with load.clients(stand.server.port, 1) as [client]:
        answer = await writes.sit(stand, client, stand.take(1)[0])
    status: str = answer["data"]["startTest"]["testSession"]["status"]
    return status
