"""The page of `lockstep explain` in headless Chromium: python3 page_in_browser.py PROGRAM

Trains small models, explains them, and holds the page against Lockstep's own numbers. Needs Debian's chromium,
chromium-driver and python3-selenium; without them it says so and ends with 77, which ctest shows as "skipped".
"""
import base64
import csv
import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from browser import By, Keys, start_browser, webdriver


def lockstep(*arguments):
    subprocess.run([sys.argv[1], *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


DATA = '<script type="application/json" id="data">'
SMALL = ["--layers", 2, "--width", 16, "--heads", 2, "--mlp", 32, "--batch", 4, "--steps", 6]


def train(folder, name, task, attention, every=1):
    out = folder / name
    lockstep("train", "--task", task, "--attention", attention, *SMALL, "--every", every, "--keep", "0,2,5", "--out", out)
    return out


def data_of(page):
    html = page.read_text()
    start = html.index(DATA) + len(DATA)
    return json.loads(html[start:html.index("</script>", start)])


def one_step(folder, name, *more):
    """The run of a page about one training step."""
    small = [*SMALL[:SMALL.index("--steps")], "--steps", 1, "--keep", "0,1"]
    out = folder / name
    lockstep("train", "--attention", "combined", *small, "--out", out, *more)
    lockstep("explain", out, "--out", folder / "step.html")
    return data_of(folder / "step.html")["runs"][0]


# All kept steps of all runs: the largest difference from the record, and whether every name is in both.
AGREEMENT = """
const data = models.parse(document.getElementById('data').textContent);
return data.runs.map(run => run.steps.map((step, i) => {
  const result = models.explained(models.at(run, i), data.examples[0], {});
  const names = [...result.pass.trace.keys()].sort(), recorded = step.record.traced.map(r => r.name).sort();
  const weights = [...result.gradients.parameters.keys()].sort(), stored = step.record.parameters.map(r => r.name).sort();
  return {...agreement(result, step.record), same: String(names) === String(recorded) && String(weights) === String(stored),
          told: result.gradients.told.size === names.length};
}));
"""

# Gradients against finite differences, every seventh number of some tensors.
DIFFERENCES = """
const data = models.parse(document.getElementById('data').textContent), example = data.examples[1];
const model = models.at(data.runs[0], 0), result = models.explained(model, example, {knockedOut: ['0.1']});
let worst = 0;
for (const name of ['blocks.0.attn.q', 'blocks.1.attn.k', 'blocks.0.attn.weights', 'blocks.1.attn.scores', 'blocks.0.norm1'])
  for (let i = 0; i < result.trace(name).data.length; i += 7) {
    if (!Number.isFinite(result.trace(name).data[i])) continue;
    const slope = models.finiteDifference(model, example, {knockedOut: ['0.1']}, name, i);
    worst = Math.max(worst, Math.abs(slope - result.gradients.told.get(name)[i]));
  }
return worst;
"""

# A step of Lockstep's optimizer against the page's rule, for the gradient that a step of SGD shows.
STEP = """
const [sgd, rate, run, lr, rule, groups] = arguments, name = 'blocks.0.attn.qkv.weight';
const weights = (run, i) => models.at(run, i).parameters.get(name);
const w = weights(sgd, 0), w1 = weights(sgd, 1), after = weights(run, 1);
const g = w.map((x, i) => (x - w1[i]) / rate), u = rules.direction(rule, w, g, 48, 16, groups);
return rules.norm(u.map((x, i) => x - (w[i] - after[i]) / lr)) / rules.norm(u);
"""

# Forward and backward of so many examples.
WORK = """
const data = models.parse(document.getElementById('data').textContent);
const model = models.at(data.runs[0], data.runs[0].steps.length - 1);
for (let i = 0; i < arguments[0]; ++i) models.explained(model, data.examples[i % data.examples.length], {}).gradients;
"""

UNFILLED = "return [...document.querySelectorAll('[data-fill]')].filter(e => !/^[0-9.]+$/.test(e.textContent)).length;"

# Letters of a drawing that are smaller than 9 pixels on the screen.
SMALL_LETTERS = """
return [...document.querySelectorAll('section.shown svg text')].filter(t => t.textContent && t.getBoundingClientRect().height < 9)
  .map(t => t.textContent).slice(0, 5);
"""

# Ops of the tape that the graph says nothing about.
UNKNOWN_OPS = """
const data = models.parse(document.getElementById('data').textContent);
return data.runs.flatMap(run => run.tape.map(op => op.op)).filter(op => !(op in stations[10].formulas));
"""

NAMELESS = """
const nameless = element => !(element.getAttribute('aria-label') || element.textContent.trim() || (element.labels && element.labels.length));
return [...document.querySelectorAll('canvas, svg[role=img], button, select, input, a')].filter(nameless).map(e => e.outerHTML.slice(0, 80));
"""


def renderers_on_processor():
    """Nanoseconds for which each renderer's main thread ran: what else the machine does is not counted."""
    times = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" in (process / "cmdline").read_bytes():
                times[process.name] = int((process / "schedstat").read_text().split()[0])
        except OSError:  # gone meanwhile
            pass
    return times


class Checks:
    def __init__(self, browser):
        self.browser, self.failed = browser, 0

    def expect(self, right, what):
        if not right:
            self.failed += 1
            print("FAILED:", what)

    def open(self, page, fragment=""):
        self.browser.get("about:blank")
        self.browser.get(f"file://{page}{fragment}")

    def console_is_empty(self, where):
        messages = self.browser.get_log("browser")
        self.expect(not messages, f"{where}: console says {messages}")

    def agrees(self, page):
        self.open(page)
        for run in self.browser.execute_script(AGREEMENT):
            for step in run:
                self.expect(step["worst"] < 1e-5, f"{page.name}: {step['where']} is off by {step['worst']}")
                self.expect(step["same"] and step["told"], f"{page.name}: not all names are compared")
        text = self.browser.find_element(By.ID, "agreement")
        self.expect(text.text.startswith("agrees with Lockstep to"), f"{page.name}: {text.text}")
        self.expect(page.stat().st_size < 3_000_000, f"{page.name}: {page.stat().st_size} bytes")
        for what in ("task", "tokens-read"):
            self.expect(len(self.browser.find_element(By.ID, what).text.split()) > 4, f"{page.name}: #{what} says nothing")
        self.expect(not self.browser.execute_script(UNFILLED), f"{page.name}: an exercise lacks a number")
        unknown = self.browser.execute_script(UNKNOWN_OPS)
        self.expect(not unknown, f"{page.name}: the graph has no formula for {unknown}")
        for station in range(1, 11):
            for back in ("", "&b=1"):
                self.open(page, f"#s={station}{back}")
                shown = self.browser.find_element(By.CSS_SELECTOR, f"#station-{station} figure")
                self.expect(shown.is_displayed(), f"{page.name}: station {station} shows nothing")
                nameless = self.browser.execute_script(NAMELESS)
                self.expect(not nameless, f"{page.name}, station {station}: without a name: {nameless}")
        self.console_is_empty(page.name)

    def slider_shows_the_metrics(self, page, out):
        with open(out / "metrics.csv", newline="") as file:
            rows = {int(row["step"]): row for row in csv.DictReader(file)}
        for step in (0, 2, 5):
            self.open(page, f"#s=1&n={step}")
            shown = self.browser.find_element(By.ID, "step-name").text
            loss = float(rows[step + 1]["training_loss"])  # of the one step between two rows
            self.expect(f"training loss {loss:.3f}" in shown, f"{page.name}: {shown}, and the metrics say {loss}")

    def keyboard_is_enough(self, page):
        self.open(page)

        def press(*keys):
            webdriver.ActionChains(self.browser).send_keys(*keys).perform()
            return self.browser.execute_script("return location.hash")

        for n in range(1, 10):
            self.expect(f"s={n}" in press(str(n)), f"key {n}")
            self.expect(self.browser.find_element(By.ID, f"station-{n}").is_displayed(), f"station {n} by its key")
        self.expect("b=1" in press("b"), "B goes backward")
        self.expect("pr=1" in press("p"), "P is the presenter's")
        self.expect("n=5" in press(Keys.ARROW_LEFT), "left goes a step back")
        self.expect("l=1" in press("l") and "h=1" in press("h"), "L and H choose layer and head")
        before = press("4")
        self.expect(before != press(Keys.ARROW_DOWN), "down goes to the next query")
        self.browser.find_element(By.CSS_SELECTOR, "#station-4 canvas").send_keys(Keys.ARROW_LEFT)
        focused = self.browser.execute_script("return document.activeElement.tagName")
        self.expect("k=" in press() and focused == "CANVAS", "arrows move in a map, which keeps the focus")
        bookmark = press()
        self.open(page, bookmark)
        self.expect(self.browser.execute_script("return location.hash") == bookmark, "a bookmark is a state")
        self.console_is_empty("keyboard")

    def the_graph_opens(self, page):
        self.open(page, "#s=10")
        boxes = lambda: self.browser.find_elements(By.CSS_SELECTOR, "#station-10 g[role=button]")
        folded = len(boxes())
        [module] = [box for box in boxes() if box.get_attribute("aria-label").startswith("blocks.0.attn,")]
        module.send_keys(Keys.ENTER)
        self.expect(len(boxes()) > folded + 5, f"{folded} boxes, and {len(boxes())} when attention is open")
        [scores] = [box for box in boxes() if box.get_attribute("aria-label").endswith("blocks.0.attn.weights")]
        scores.send_keys(Keys.ENTER)
        said = self.browser.find_element(By.ID, "station-10").text
        self.expect("dS = A ∘ (dA − rowsum(A ∘ dA))" in said and "of its gradient" in said, f"an op says {said}")
        self.console_is_empty("graph")

    def prints_one_station_on_each_page(self, page):
        self.open(page)
        pdf = base64.b64decode(self.browser.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})["data"])
        pages = len(re.findall(rb"/Type /Page\b", pdf))
        self.expect(pages == 10, f"{page.name}: 10 stations print on {pages} pages")

    def fits_a_phone(self, page):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                     {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True})
        for station in range(1, 11):
            self.open(page, f"#s={station}")
            width = self.browser.execute_script("return document.documentElement.scrollWidth")
            self.expect(width <= 390, f"station {station} is {width} px wide on a phone of 390")
            small = self.browser.execute_script(SMALL_LETTERS)
            self.expect(not small, f"station {station}: too small to read on a phone: {small}")
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def is_quick(self, page):
        self.open(page)
        self.browser.execute_script(WORK, 16)  # until it is compiled
        before, count = renderers_on_processor(), 16
        self.browser.execute_script(WORK, count)
        after = renderers_on_processor()
        ms = max(after[process] - before[process] for process in before if process in after) / count / 1e6
        print(f"forward and backward of copy: {ms:.1f} ms of the processor")
        self.expect(1 < ms < 50, f"{page.name}: forward and backward take {ms:.1f} ms, expected less than 50")

    def rules_are_those_of_lockstep(self, page, folder):
        sgd = one_step(folder, "sgd", "--optimizer", "sgd", "--momentum", 0, "--lr", 100)
        self.open(page)
        lr = 0.01
        of_matrices = {"adam": (), "lamb": ("--optimizer-scale",), "muon": ("--optimizer-scale", "--optimizer-direction")}
        for rule, settings in of_matrices.items():
            for by, groups in (("tensor", 1), ("part", 3), ("head", 6)):
                more = [word for setting in settings for word in (setting, by)]
                if rule == "muon":
                    more += ["--matrix-lr", lr]
                run = one_step(folder, f"{rule}-{by}", "--optimizer", rule, "--lr", lr, *more)
                apart = self.browser.execute_script(STEP, sgd, 100, run, lr, rule, groups)
                self.expect(apart < 1e-3, f"{rule} by {by} is off by {apart}")

    def leads_to_where_something_happens(self, page):
        """A trained model's losses are nearly 0: the page says at which step there is more to see."""
        for station in (6, 7, 8, 9):
            self.open(page, f"#s={station}")
            self.browser.find_element(By.CSS_SELECTOR, f"#station-{station} .hint button").click()
            said = self.browser.find_element(By.ID, "step-name").text
            self.expect(said.startswith("Step 75,"), f"station {station}: the hint leads to {said}")
            self.expect(not self.browser.find_elements(By.CSS_SELECTOR, ".hint"), f"station {station}: the hint stays")

    def says_so_where_it_does_not_agree(self, page, folder):
        html, data = page.read_text(), data_of(page)
        start = html.index(DATA) + len(DATA)
        end = html.index("</script>", start)
        for step in data["runs"][0]["steps"]:
            step["record"]["traced"][3][3] *= 1.001
        changed = folder / "changed.html"
        changed.write_text(html[:start] + json.dumps(data).replace("<", "\\u003c") + html[end:])
        self.open(changed)
        text = self.browser.find_element(By.ID, "agreement")
        self.expect("does NOT agree" in text.text and "bad" in text.get_attribute("class"), f"a wrong record: {text.text}")
        self.expect("unsafe" not in html[:2000], "the content security policy is strict")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        runs = {
            "copy": [train(folder, "copy", "copy", "combined"), train(folder, "copy-separate", "copy", "separate")],
            "induction": [train(folder, "induction", "induction", "separate")],
            "digits": [train(folder, "digits", "digits", "combined")],
            "digits-separate": [train(folder, "digits-separate", "digits", "separate")],
            "shakespeare": [train(folder, "shakespeare", "shakespeare", "combined", every=1000)],
            "modadd": [train(folder, "modadd", "modadd", "combined", every=1000)],
        }
        pages = {}
        for key, outs in runs.items():
            pages[key] = folder / f"{key}.html"
            lockstep("explain", *outs, "--out", pages[key])
        quick = folder / "quick"  # the copy task's own model
        lockstep("train", "--task", "copy", "--steps", 300, "--keep", "0,75,300", "--explain", "--out", quick)
        browser = start_browser()
        try:
            checks = Checks(browser)
            for page in pages.values():
                checks.agrees(page)
            checks.open(pages["copy"])
            worst = browser.execute_script(DIFFERENCES)
            checks.expect(worst < 1e-8, f"finite differences are off by {worst}")
            checks.slider_shows_the_metrics(pages["copy"], runs["copy"][0])
            checks.keyboard_is_enough(pages["induction"])
            checks.the_graph_opens(pages["induction"])
            checks.prints_one_station_on_each_page(pages["induction"])
            checks.fits_a_phone(pages["copy"])
            checks.is_quick(quick / "explain.html")
            checks.leads_to_where_something_happens(quick / "explain.html")
            checks.rules_are_those_of_lockstep(pages["copy"], folder)
            checks.says_so_where_it_does_not_agree(pages["induction"], folder)
        finally:
            browser.quit()
    print("failed" if checks.failed else "passed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
