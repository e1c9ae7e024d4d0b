"""What leaves for an address that an organization chose: never inside, never elsewhere, never without end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from services.outbound import AddressRefused, AnswerRefused, Outbound, is_public
from tests.listening import until

NAME = "partner.example"
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Names:
    """A name server that gives its answers in turn, and the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Heard:
    """A server that answers everybody the same, and keeps what it heard."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self.names: list[str | None] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(self.answer)
        await writer.drain()


@asynccontextmanager
async def listening(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a free port of this machine; at the end it has no more to say to anybody."""
    talks: list[asyncio.Task[None]] = []

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side has had enough
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.create_task(one(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*talks)


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side of TLS for this name, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = folder / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both.write_bytes(made.public_bytes(Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    return server, ssl.create_default_context(cadata=made.public_bytes(Encoding.PEM).decode())


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"])
def test_a_public_address_is_everybodys(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.10", "::1", "0.1.2.3", "::", "10.1.2.3", "172.16.0.1", "192.168.1.1", "fd00::1"),
        *("169.254.169.254", "fe80::1", "fe80::1%eth0", "fec0::1", "100.64.0.1", "192.0.0.8", "198.18.0.1"),
        *("224.0.0.1", "239.1.1.1", "ff02::1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
        *("64:ff9b:1::a00:1", "2001::1", "::127.0.0.1", "not an address"),
    ],
)
def test_an_address_inside_a_network_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::ffff:10.0.0.1"], ["93.184.216.34", "10.0.0.1"]]
)
async def test_a_name_that_means_somewhere_inside_is_refused(found: list[str]) -> None:
    outbound = Outbound(resolver=Names(found))

    with pytest.raises(AddressRefused):
        await outbound.client().get(f"https://{NAME}/")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0"]
)
async def test_an_address_in_any_spelling_is_judged_by_what_it_resolves_to(host: str) -> None:
    heard = Heard(HELLO)
    async with listening(heard) as port:
        with pytest.raises(httpx2.ConnectError):
            await Outbound().client().get(f"https://{host}:{port}/")

    assert heard.requests == []


@pytest.mark.parametrize("url", ["https://0177.0.0.1/", "https://[::1/", "https:///"])
async def test_what_is_no_address_is_not_asked(url: str) -> None:
    names = Names(["127.0.0.1"])

    with pytest.raises((httpx2.InvalidURL, httpx2.TransportError)):
        await Outbound(resolver=names).client().get(url)

    assert names.asked == []


async def test_a_name_that_changes_its_meaning_is_resolved_once_and_pinned() -> None:
    heard = Heard(HELLO)
    names = Names(["192.0.2.1"], ["127.0.0.1"])  # refused at first; the second answer would let it in
    async with listening(heard) as port:
        with pytest.raises(AddressRefused):
            await Outbound(resolver=names).client().get(f"https://{NAME}:{port}/")

    assert names.asked == [NAME]
    assert heard.requests == []


async def test_the_address_that_was_judged_is_the_one_that_is_asked(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, NAME)
    heard = Heard(HELLO)
    names = Names(["127.0.0.1"], ["127.0.0.2"])  # the name has moved on when the connection is made
    async with listening(heard, serving) as port:
        answer = await Outbound([NAME], resolver=names, trust=trusting).client().get(f"https://{NAME}:{port}/a?b=c")

    assert (answer.status_code, answer.text, names.asked) == (200, "hello", [NAME])
    assert f"host: {NAME}:{port}\r\n" in heard.requests[0].lower()
    assert heard.requests[0].startswith("GET /a?b=c HTTP/1.1\r\n")


async def test_the_certificate_must_be_the_names_and_the_name_is_told(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "somebody-else.example")
    heard = Heard(HELLO)
    told: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: told.append(name)
    async with listening(heard, serving) as port:
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await Outbound([NAME], resolver=Names(["127.0.0.1"]), trust=trusting).client().get(f"https://{NAME}:{port}")

    assert told == [NAME]
    assert heard.requests == []


async def test_another_address_of_the_name_is_tried_when_the_first_does_not_listen(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, NAME)
    names = Names(["127.0.0.2", "127.0.0.1"])  # the server listens at the second alone
    async with listening(Heard(HELLO), serving) as port:
        answer = await Outbound([NAME], resolver=names, trust=trusting).client().get(f"https://{NAME}:{port}/")

    assert answer.text == "hello"


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    there = Heard(HELLO)
    async with listening(there) as inside:
        head = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inside}/\r\nContent-Length: 0\r\n\r\n"
        async with listening(Heard(head.encode())) as port:
            answer = await Outbound(loopback=True).client().get(f"http://127.0.0.1:{port}/")

    assert answer.status_code == 302
    assert there.requests == []


@pytest.mark.parametrize("host", ["partner.example", "10.0.0.1", "127.0.0.2"])
async def test_without_https_only_a_developers_own_machine_is_asked(host: str) -> None:
    names = Names(["127.0.0.1"])

    with pytest.raises(AddressRefused):
        await Outbound([host], loopback=True, resolver=names).client().get(f"http://{host}/")

    assert names.asked == []


async def test_in_production_not_even_that() -> None:
    with pytest.raises(AddressRefused):
        await Outbound(["127.0.0.1"]).client().get("http://127.0.0.1/")


async def test_an_answer_without_end_is_cut() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with listening(endless) as port:
        with pytest.raises(AnswerRefused):
            await Outbound(loopback=True, size=50_000).client().get(f"http://127.0.0.1:{port}/")


async def test_a_packed_answer_is_not_unpacked() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
    heard = Heard(head)
    async with listening(heard) as port:
        with pytest.raises(AnswerRefused):
            await Outbound(loopback=True).client().get(f"http://127.0.0.1:{port}/")

    assert "accept-encoding: identity\r\n" in heard.requests[0].lower()


async def test_an_answer_that_never_comes_is_given_up() -> None:
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to read all certificates takes longer
    heard: list[bytes] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())  # until the other side gives up

    async with listening(silent) as port:
        with pytest.raises(httpx2.ReadTimeout):
            await Outbound(loopback=True, seconds=0.2, trust=nobody).client().get(f"http://127.0.0.1:{port}/")
        await until(lambda: bool(heard))

    assert len(heard) == 1


async def test_a_name_that_nobody_knows_is_no_host() -> None:
    with pytest.raises(httpx2.ConnectError, match="no such host"):
        await Outbound(resolver=Names([])).client().get(f"https://{NAME}/")
