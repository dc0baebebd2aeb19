"""What a person does with the console: reads what stands there, clicks, types, presses keys."""

import asyncio
import json


class Console:
    """A tab that shows the console of a gateway."""

    def __init__(self, page, gateway):
        self.page, self.gateway = page, gateway

    async def open(self, place="#/", token=None):
        """Comes by a link with a token, as commands print them, and goes on to a place."""
        await self.page.open(f"{self.gateway.url}/?{abs(hash((place, token)))}" + (f"#token={token}" if token else ""))
        if token:
            await self.page.until("!location.hash.includes('token')")
        await self.go(place)
        await self.watch()

    async def watch(self):
        """What the page's policy forbids is a fault of the page."""
        await self.page.evaluate("""(() => {
          globalThis.violations = [];
          addEventListener('securitypolicyviolation', (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
        })()""")

    async def go(self, place):
        await self.page.evaluate(f"void (location.hash = {json.dumps(place)})")

    async def reload(self):
        """Reloads, and waits for the new page."""
        await self.page.evaluate("void (globalThis.isOld = true, location.reload())")
        for _ in range(100):
            try:
                if await self.page.evaluate("globalThis.isOld !== true && document.readyState === 'complete'"):
                    return await self.watch()
            except AssertionError:
                pass  # Between two pages there is nothing to evaluate in.
            await asyncio.sleep(0.1)
        raise AssertionError("the page does not reload")

    async def has(self, selector, text="", timeout=30):
        """Waits for an element that is to be seen and has this text in it."""
        await self.page.until(f"""[...document.querySelectorAll({json.dumps(selector)})]
          .some((element) => element.checkVisibility() && element.textContent.includes({json.dumps(text)}))""", timeout)

    async def has_no(self, selector, text=""):
        await self.page.until(f"""![...document.querySelectorAll({json.dumps(selector)})]
          .some((element) => element.checkVisibility() && element.textContent.includes({json.dumps(text)}))""")

    async def text(self, selector):
        return await self.page.evaluate(f"document.querySelector({json.dumps(selector)})?.textContent ?? null")

    async def texts(self, selector):
        return await self.page.evaluate(f"""[...document.querySelectorAll({json.dumps(selector)})]
          .filter((element) => element.checkVisibility()).map((element) => element.textContent)""")

    async def click(self, selector, text=""):
        await self.has(selector, text)
        await self.page.evaluate(f"""void [...document.querySelectorAll({json.dumps(selector)})]
          .find((element) => element.checkVisibility() && element.textContent.includes({json.dumps(text)})).click()""")

    async def type(self, selector, text):
        await self.has(selector)
        await self.page.evaluate(f"""(() => {{
          const field = document.querySelector({json.dumps(selector)});
          field.focus();
          field.value = {json.dumps(text)};
          field.dispatchEvent(new Event('input', {{ bubbles: true }}));
        }})()""")

    async def press(self, *keys):
        """Presses keys where the focus is."""
        for key in keys:
            await self.page.evaluate(f"""void document.activeElement.dispatchEvent(
              new KeyboardEvent('keydown', {{ key: {json.dumps(key)}, bubbles: true, cancelable: true }}))""")

    async def address(self):
        return await self.page.evaluate("location.hash")

    async def sign_in(self, token):
        await self.type(".token-form input[type=password]", token)
        await self.page.evaluate("void [...document.querySelectorAll('.token-form')].find((form) => form.checkVisibility()).requestSubmit()")

    async def rows(self):
        """The lines of the list that is to be seen, in their order on the screen."""
        return await self.page.evaluate("""[...document.querySelectorAll('.list [role=row][aria-rowindex]')]
          .filter((row) => row.classList.contains('row') && row.checkVisibility())
          .sort((a, b) => Number(a.getAttribute('aria-rowindex')) - Number(b.getAttribute('aria-rowindex'))).map((row) => row.innerText)""")

    async def saved(self, format):
        """What the export of this format writes into its file."""
        await self.page.evaluate("""(() => {
          globalThis.savedFile = null;
          URL.createObjectURL = (blob) => { savedFile = blob; return '#'; };
          HTMLAnchorElement.prototype.click = function () { globalThis.savedName = this.download; };
        })()""")
        await self.click(".menu > button")
        await self.click(".menu-list button", format)
        await self.page.until("savedFile !== null")
        return await self.page.evaluate("savedFile.text()")

    async def check_quiet(self):
        """Nothing that came was more than text, and nothing broke the page's policy."""
        assert await self.page.evaluate("violations") == []
        assert await self.page.evaluate("globalThis.pwned") is None
        assert await self.page.evaluate("document.querySelectorAll('main img, main script, main iframe, main a[href*=script]').length") == 0


def vulnerability(number, severity="high", **more):
    return {"type": "vulnerabilityFound", "severity": severity, "name": f"Finding {number}", "target": f"https://192.0.2.{number % 250}/",
            "ip": f"192.0.2.{number % 250}", "port": 443} | more
