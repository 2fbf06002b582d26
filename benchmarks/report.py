"""Size, printed pages, words and accessibility of the report of a results folder, in light and dark, wide and narrow.

    python benchmarks/report.py RESULTS [AXE]

``AXE`` is ``axe.min.js`` of the npm package ``axe-core``; without it the accessibility is not measured. Pages and
accessibility need Chromium or Chrome.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deskcast.pipelines.pages.pdf import find_browser, print_pdf
from deskcast.pipelines.pages.report import write_report
from deskcast.pipelines.store.results import read_results

#: Width of the window, and whether the page is dark.
VIEWS = ((1400, False), (1400, True), (390, False), (390, True))
_RUN = """
axe.run().then((found) => {
  const rules = found.violations.map((v) => v.id + ": " + v.nodes[0].html.slice(0, 200));
  const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
  const node = document.createElement("pre");
  node.id = "found";
  node.textContent = JSON.stringify({rules, wide, passed: found.passes.length});
  document.body.append(node);
});
"""


def main(folder: Path, axe: Path | None = None) -> None:
    """Print the figures of both reports of a results folder."""
    results = read_results(folder)
    for full in (False, True):
        with tempfile.TemporaryDirectory() as place:
            page = Path(place) / "report.html"
            began = time.process_time()
            told = {"made_at": results.made_at, "version": results.version, "instants": results.instants}
            write_report(results.stages, page, title=folder.parent.name, full=full, **told)
            spent = time.process_time() - began
            text = page.read_text(encoding="utf-8")
            shown = re.sub(r"<(style|svg|head|details).*?</\1>", " ", text, flags=re.DOTALL)
            words = len(html.unescape(re.sub(r"<[^>]+>", " ", shown)).split())
            print(
                f"{'full' if full else 'default'}: {len(text.encode()) / 1e3:,.0f} kB, {spent:.2f} s of CPU,", end=" "
            )
            print(f"{text.count('<figure')} pictures, {words:,} words unfolded, {count_pages(page)} pages")
            for width, dark in VIEWS if axe else ():
                found = check_accessibility(page, Path(str(axe)), width, dark=dark)
                print(f"  {width} px, {'dark' if dark else 'light'}: {len(found['rules'])} violations", end=" ")
                print(
                    f"({found['passed']} rules pass), scrolls sideways: {found['wide']}", *found["rules"], sep="\n    "
                )


def count_pages(page: Path) -> int:
    """Return how many pages a report takes on A4."""
    printed = page.with_suffix(".pdf")
    print_pdf(page, printed)
    return len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes()))


def check_accessibility(page: Path, axe: Path, width: int, *, dark: bool) -> dict:
    """Run axe over a copy of a report that allows its script, and return what it found."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    script = f"<script>{axe.read_text(encoding='utf-8')}</script><script>{_RUN}</script></body>"
    copy = page.with_name(f"axe-{width}-{dark}.html")
    copy.write_text(text.replace("</body>", script), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--virtual-time-budget=20000"]
    flags += [f"--user-data-dir={page.parent / 'profile'}", *["--blink-settings=preferredColorScheme=0"] * dark]
    command = [find_browser(), *flags, "--dump-dom", copy.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    found = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)
    return json.loads(html.unescape(found[1])) if found else {"rules": ["axe did not end"], "passed": 0, "wide": None}


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:3]))
