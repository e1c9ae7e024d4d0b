"""Requests to addresses that an organization chose: they leave the operator's network, and find nothing inside it.

The name is resolved once, every address it has is judged, and the connection is made to that very address: a name that
means something else a moment later gains nothing. Redirects are not followed; time and size are bounded.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx2

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PROTOCOLS = IPv4Network("192.0.0.0/24")  # of no place; Python 3.11 takes a part of it for public
_GLOBAL = IPv6Network("2000::/3")  # all that has been given out of IPv6
_TRANSLATED = IPv6Network("64:ff9b::/96")  # an IPv4 address, as a network with IPv6 alone reaches it

logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs addresses, and an organization's may hold a secret


class AddressRefused(httpx2.ConnectError):
    """The address is not one that may be asked from here."""


class AnswerRefused(httpx2.ReadError):
    """The answer is longer than anything that we ask for, or packed."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name as the system knows them, the best first."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def is_public(address: str) -> bool:
    """Whether everybody means the same place by this address: it is nobody's own network, group or machine."""
    try:
        place = _inner(ip_address(address))
    except ValueError:
        return False
    odd = place in _PROTOCOLS if isinstance(place, IPv4Address) else place not in _GLOBAL
    return not odd and place.is_global and not place.is_multicast and not place.is_reserved


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address is another spelling of; else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class Outbound(httpx2.AsyncBaseTransport):
    """A transport of httpx2's clients. `hosts` are those inside the network that the operator allows.

    `loopback` lets a developer's own machine be asked, without https too. `resolver` and `trust` are the world's:
    who knows names, and whose certificates count.
    """

    def __init__(
        self,
        hosts: Collection[str] = (),
        *,
        loopback: bool = False,
        seconds: float = 10.0,
        size: int = 1_000_000,
        resolver: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._loopback = loopback
        self._seconds = seconds
        self._size = size
        self._resolver = resolver
        self._trust = trust

    def may_ask(self, scheme: str, host: str) -> bool:
        """Whether such an address may be asked, as far as that can be told without resolving the name."""
        return scheme == "https" or (scheme == "http" and self._loopback and host in LOOPBACK)

    def client(self) -> httpx2.AsyncClient:
        """A client all of whose requests go this way."""
        return httpx2.AsyncClient(transport=self, trust_env=False, follow_redirects=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, whole. Raises httpx2.TransportError, of which AddressRefused and AnswerRefused are kinds."""
        if not self.may_ask(request.url.scheme, request.url.host):
            raise AddressRefused("only https is asked", request=request)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._first_answer(request, await self._addresses(request))
        except TimeoutError:
            raise httpx2.ReadTimeout("the answer took too long", request=request) from None

    async def _addresses(self, request: httpx2.Request) -> Sequence[str]:
        host = request.url.raw_host.decode("ascii").strip("[]").lower()
        found = await self._resolver(host, request.url.port or 443)
        if not found:
            raise httpx2.ConnectError("there is no such host", request=request)
        allowed = host in self._hosts or (self._loopback and host in LOOPBACK)
        if not allowed and not all(map(is_public, found)):
            raise AddressRefused("the host is inside a network", request=request)
        return found

    async def _first_answer(self, request: httpx2.Request, addresses: Sequence[str]) -> httpx2.Response:
        for address in addresses[:-1]:
            try:
                return await self._answer(request, address)
            except httpx2.ConnectError:
                continue  # nothing was sent yet
        return await self._answer(request, addresses[-1])

    async def _answer(self, request: httpx2.Request, address: str) -> httpx2.Response:
        """Ask at this address, in the host's name: the Host header and the certificate are the name's."""
        headers = httpx2.Headers(request.headers)
        headers["accept-encoding"] = "identity"  # nothing small becomes large here
        pinned = httpx2.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii").strip("[]")},
        )
        async with httpx2.AsyncHTTPTransport(verify=self._context, trust_env=False) as connection:
            response = await connection.handle_async_request(pinned)
            try:
                body = await self._body(request, response)
            finally:
                await response.aclose()
        return httpx2.Response(response.status_code, headers=response.headers, content=body, request=request)

    async def _body(self, request: httpx2.Request, response: httpx2.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise AnswerRefused("the answer is packed, which was not asked for", request=request)
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._size:
                raise AnswerRefused("the answer is too long", request=request)
        return bytes(body)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Made once, when it is needed: reading every certificate takes a while. SSL_CERT_FILE names others."""
        return self._trust or httpx2.create_ssl_context()
