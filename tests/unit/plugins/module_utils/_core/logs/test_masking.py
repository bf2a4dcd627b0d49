# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What proxies and adapters log of tokens and keys is masked in every spelling, and nothing else is."""

from __future__ import annotations

import pytest
from ansible_collections.ossm.federation.plugins.module_utils._core.logs.masking import masked
from unit import access_lines

SECRET = "s3cr3t-0f-3scale"


@pytest.mark.parametrize(
    "line",
    [
        access_lines.http(path=f"/api?user_key={SECRET}&page=2"),
        access_lines.http(path=f"/api?a=b&app_key={SECRET}"),
        f'{{"service_token": "{SECRET}", "service_id": 7}}',
        f'{{"config": "{{\\"access_token\\":\\"{SECRET}\\"}}"}}',
        f"wasm log: call /transactions/authrep.xml?service_token={SECRET}&service_id=7",
        f"calling with user_key%3D{SECRET}%26x%3D1",
        f"Authorization: Bearer {SECRET}",
        f"'authorization', 'Basic {SECRET}'".replace("', '", "': '"),
        f'authorization="Digest username={SECRET}, realm=x" next',
        f"cookie: session={SECRET}; theme=dark",
        f"Set-Cookie: a={SECRET}; Path=/",
        f"credentials[app_key] => {SECRET}",
        f"USER_KEY = {SECRET}",
        f"got Bearer {SECRET} from the client",
        f"password: {SECRET}",
        f"GET /api?user%5Fkey={SECRET} HTTP/1.1",
        f'user_key: "two words {SECRET}"',
        f'{{"token":"{SECRET}"}}',
        f'configuration {{ value: "{{\\"services\\":[{{\\"token\\":\\"{SECRET}\\"}}]}}" }}',
        f'\\\\\\"secret\\\\\\": \\\\\\"{SECRET}\\\\\\"',
        f'{{"token": "a\\"{SECRET}"}}',
    ],
)
def test_a_secret_does_not_stay_in_a_line(line: str) -> None:
    assert SECRET in line
    assert SECRET not in masked(line)


@pytest.mark.parametrize(
    "line",
    [
        access_lines.http(),
        "the token service is up, 3 keys loaded",
        "reading key file /etc/keys/monkey.pem",
        "GET /cookies HTTP/1.1",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert masked(line) == line


def test_what_stands_beside_a_secret_stays() -> None:
    assert "page=2" in masked(access_lines.http(path=f"/api?user_key={SECRET}&page=2"))
    assert masked(f'{{"service_token": "{SECRET}", "service_id": 7}}').endswith(', "service_id": 7}')
    assert masked(f'{{\\"token\\":\\"{SECRET}\\",\\"id\\":7}}').endswith(',\\"id\\":7}')
