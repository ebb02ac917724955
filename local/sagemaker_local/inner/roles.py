"""Whether IAM, as the inner AWS keeps it, has a role."""

from __future__ import annotations

import re

import aiohttp

_ROLE = re.compile(r"arn:[^:]*:iam::(\d{12}):role/(?:.*/)?([^/]+)")


class Roles:
    """Asks the inner AWS at a URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def exists(self, arn: str) -> bool:
        """False for what is no ARN of a role, too. Raises OSError when the inner AWS does not answer."""
        found = _ROLE.fullmatch(arn)
        if found is None:
            return False
        account, name = found.groups()
        scope = f"{account}/20260101/us-east-1/iam/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
        form = {"Action": "GetRole", "Version": "2010-05-08", "RoleName": name}
        async with self._session.post(self._url, data=form, headers=headers) as reply:
            return reply.status == 200 and f"<Arn>{arn}</Arn>" in await reply.text()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
