"""The report of a study in headless Chromium: python3 page_in_browser.py PROGRAM

Needs Debian's chromium, chromium-driver and python3-selenium; without them it says so and ends with 77, which ctest
shows as "skipped".
"""
import base64
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from browser import By, Keys, start_browser, webdriver

SMALL = ["--task", "copy", "--seeds", "6", "--steps", "60", "--threshold", "2.75", "--curve-steps", "8", "--layers", "1",
         "--width", "16", "--heads", "2", "--mlp", "16", "--batch", "8", "--lr", "0.01", "--init", "xavier_uniform",
         "--coupling-optimizer", "muon", "--tune", "off"]

NAMELESS = """
const nameless = element => !(element.getAttribute('aria-label') || element.textContent.trim());
return [...document.querySelectorAll('svg:not([aria-hidden]), svg [tabindex], button, a, table')].filter(nameless)
    .map(e => e.outerHTML.slice(0, 80));
"""

TABBED_TO = """
const e = document.activeElement;
return e.closest('svg .part') ? 'part' : e.matches('figure svg') ? 'chart' : e.closest('.legend') ? 'legend' : e.tagName;
"""


class Checks:
    def __init__(self, browser, page):
        self.browser, self.page, self.failed = browser, page, 0

    def expect(self, right, what):
        if not right:
            self.failed += 1
            print("FAILED:", what)

    def command(self, name, **settings):
        return self.browser.execute_cdp_cmd(name, settings)

    def open(self, width=1400, height=1000, dark=False):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.browser.get("about:blank")
        self.browser.get(f"file://{self.page}")

    def tip(self):
        return self.browser.execute_script("const t = document.getElementById('tip'); return t.hidden ? '' : t.textContent")

    def first_line_answers(self):
        self.open()
        line = self.browser.find_element(By.CSS_SELECTOR, ".answer h2").text
        self.expect(re.fullmatch(r"Stored apart or together: .*6 of 6 pairs equal to rounding\)", line), f"the first line is {line}")
        self.expect(not self.browser.execute_script(NAMELESS), "everything has a name")
        self.expect("unsafe-eval" not in self.page.read_text(), "no eval")

    def fits(self):
        for width in (390, 1400):
            self.open(width)
            wide = self.browser.execute_script("return document.documentElement.scrollWidth")
            self.expect(wide <= width, f"{wide} px wide on a screen of {width}")
            shown = [e.is_displayed() for e in self.browser.find_elements(By.CSS_SELECTOR, "details.fold > table")]
            self.expect(shown and all(s == (width > 760) for s in shown), f"tables at {width} px: {shown}")

    def dark_has_contrast(self):
        self.open(dark=True)
        colours = self.browser.execute_script(
            "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]")
        ink, paper = ([int(n) for n in re.findall(r"\d+", c)][:3] for c in colours)
        self.expect(sum(ink) > 600 and sum(paper) < 150, f"dark: {colours}")

    def keyboard_is_enough(self):
        self.open()
        reached = {}
        for _ in range(120):
            webdriver.ActionChains(self.browser).send_keys(Keys.TAB).perform()
            what = self.browser.execute_script(TABBED_TO)
            if what == "part" and what not in reached:
                self.expect("95% interval" in self.tip(), f"the forest's tooltip says {self.tip()!r}")
            if what == "chart":
                webdriver.ActionChains(self.browser).send_keys(Keys.ARROW_RIGHT).perform()
                reached.setdefault("said", []).append(self.tip())
            if what == "legend":
                singled = self.browser.execute_script("return document.querySelectorAll('.singled .single').length")
                self.expect(singled >= 1, "a legend's entry singles out its line")
            reached[what] = reached.get(what, 0) + 1 if what != "said" else reached[what]
        for what in ("part", "chart", "legend", "BUTTON", "SUMMARY"):
            self.expect(what in reached, f"the keyboard does not reach: {what} ({reached})")
        self.expect(any(said.startswith("step ") for said in reached.get("said", [])), f"curves say {reached.get('said')}")

    def prints(self):
        self.open()
        pdf = base64.b64decode(self.command("Page.printToPDF", preferCSSPageSize=True)["data"])
        pages = len(re.findall(rb"/Type /Page\b", pdf))
        self.expect(3 <= pages <= 24, f"prints on {pages} pages")

    def console_is_empty(self):
        messages = self.browser.get_log("browser")
        self.expect(not messages, f"console says {messages}")


def main():
    with tempfile.TemporaryDirectory() as name:
        out = pathlib.Path(name) / "study"
        subprocess.run([sys.argv[1], "study", *SMALL, "--out", str(out)], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        browser = start_browser()
        try:
            checks = Checks(browser, out / "report.html")
            for check in (checks.first_line_answers, checks.fits, checks.dark_has_contrast, checks.keyboard_is_enough,
                          checks.prints, checks.console_is_empty):
                check()
        finally:
            browser.quit()
        browser = start_browser(scripts=False)
        try:
            browser.get(f"file://{out / 'report.html'}")
            drawn = [e for e in browser.find_elements(By.CSS_SELECTOR, "figure svg") if e.is_displayed()]
            checks.expect(len(drawn) >= 8, f"{len(drawn)} charts without scripts")
        finally:
            browser.quit()
    print("failed" if checks.failed else "passed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
