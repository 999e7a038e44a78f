"""What tests ask of the page by plain requests."""

import contextlib
import http.client
import re
from urllib.parse import urlencode, urlsplit


def ask(address, path="/", body=None, **headers):
    split = urlsplit(address)
    with contextlib.closing(http.client.HTTPConnection(split.hostname, split.port)) as asked:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
            asked.request("POST", path, urlencode(body), headers)
        else:
            asked.request("GET", path, headers=headers)
        answer = asked.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()


def secret_of(address):
    return re.search('name="secret" value="([^"]+)"', ask(address)[2])[1]
