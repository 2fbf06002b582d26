"""The command that writes the report anew: short or full, and refused before any work where it cannot be printed."""

import json

import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.pages import pdf
from deskcast.pipelines.store.results import replace_folder, write_stages
from typer.testing import CliRunner


@pytest.fixture
def report(tmp_path, stages):
    (tmp_path / "deskcast.toml").write_text('[source.cases]\nkind = "table"\npath = "cases.csv"\n')
    with replace_folder(tmp_path / "results") as staging:
        write_stages(stages, staging, version="0.1.0")

    def call(*words):
        done = CliRunner().invoke(app, ["report", "--config", str(tmp_path / "deskcast.toml"), *map(str, words)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return call


def test_the_full_report_has_more_than_the_short_one(report, tmp_path):
    assert json.loads(report("--json")) == {"report": str(tmp_path / "results" / "report.html")}
    report("--full", "--out", tmp_path / "full.html")
    short, full = ((tmp_path / name).read_text() for name in ("results/report.html", "full.html"))
    assert full.count("<table") > short.count("<table")
    assert full.count("<svg") > short.count("<svg")


def test_without_a_browser_nothing_is_written(report, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "BROWSERS", ())
    with pytest.raises(InputError, match="needs a browser"):
        report("--pdf", "--out", tmp_path / "printed.html")
    assert not (tmp_path / "printed.html").exists()


def test_a_printed_report_is_named_beside_the_page(report, tmp_path, monkeypatch):
    browser = tmp_path / "browser"
    browser.write_text(
        '#!/bin/sh\nfor word in "$@"; do case "$word" in --print-to-pdf=*) echo %PDF > "${word#*=}";; esac; done\n'
    )
    browser.chmod(0o755)
    monkeypatch.setattr(pdf, "BROWSERS", (str(browser),))
    named = json.loads(report("--pdf", "--json", "--out", tmp_path / "printed.html"))
    assert named == {"report": str(tmp_path / "printed.html"), "pdf": str(tmp_path / "printed.pdf")}
    assert (tmp_path / "printed.pdf").read_text() == "%PDF\n"
