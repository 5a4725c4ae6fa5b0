"""Pages as plain HTTP: one connection of one person, for the many addresses of which only the answer matters."""

import http.client
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from django.conf import settings

MOST_REDIRECTS = 10


@dataclass(frozen=True)
class Answer:
    """What came in the end, and from where."""

    url: str
    status: int
    kind: str
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def is_page(self) -> bool:
        return self.kind.startswith("text/html") and b"<html" in self.body[:400]


class Visitor:
    """Asks as a browser with this session would, and follows where it is sent. `session` is empty for a stranger."""

    def __init__(self, url: str, session: str = "") -> None:
        self.url = url
        self.wire = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self.headers = {"Accept": "text/html,*/*", "Accept-Language": "zh-CN"}
        if session:
            self.headers["Cookie"] = f"{settings.SESSION_COOKIE_NAME}={session}"

    def get(self, path: str) -> Answer:
        """The answer at the end of all redirects; an error when they leave the portal or do not end."""
        url = self.url + path
        for _ in range(MOST_REDIRECTS):
            response, body = self._ask(url.removeprefix(self.url))
            target = response.getheader("Location")
            if not target:
                return Answer(url, response.status, response.getheader("Content-Type", ""), body)
            url = urljoin(url, target)
            if not url.startswith(f"{self.url}/"):
                raise AssertionError(f"{path} leads to another host: {url}")
        raise AssertionError(f"{path} leads on and on")

    def close(self) -> None:
        self.wire.close()

    def _ask(self, path: str, *, again: bool = True) -> tuple[http.client.HTTPResponse, bytes]:
        try:
            self.wire.request("GET", path, headers=self.headers)
            response = self.wire.getresponse()
            return response, response.read()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.wire.close()  # the server closes what was idle for two seconds; a second time it is a fault
            if not again:
                raise
            return self._ask(path, again=False)
