"""Debian's chromium, driven by Selenium."""

import contextlib

from selenium import webdriver

from service import in_child

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


@contextlib.contextmanager
def chromium(profile):
    """A browser with a profile of its own in the folder `profile`."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    # Root has no sandbox, and small machines have little /dev/shm.
    arguments = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,860", f"--user-data-dir={profile}")
    for argument in arguments:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.ChromeService("/usr/bin/chromedriver", popen_kw={"preexec_fn": in_child()})
    browser = webdriver.Chrome(options, driver)
    try:
        yield browser
    finally:
        browser.quit()
