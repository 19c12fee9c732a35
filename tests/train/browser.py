"""Headless Chromium for the tests of pages. Needs Debian's chromium, chromium-driver and python3-selenium; without them
the program says so and ends with 77, which ctest shows as "skipped".
"""
import pathlib
import sys

SKIPPED = 77
BROWSER, DRIVER = pathlib.Path("/usr/bin/chromium"), pathlib.Path("/usr/bin/chromedriver")


def skip(missing):
    name = pathlib.Path(sys.argv[0]).parent.name
    print(f"{name}_page did not run: {missing} is missing (apt-get install chromium chromium-driver python3-selenium)")
    sys.exit(SKIPPED)


try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    skip("python3-selenium")
for program in (BROWSER, DRIVER):
    if not program.exists():
        skip(str(program))


def start_browser(scripts=True):
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    return webdriver.Chrome(service=Service(str(DRIVER)), options=options)
