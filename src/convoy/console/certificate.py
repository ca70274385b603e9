"""The certificate of a console that is reached over the network: a given one, or one that it makes by itself."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from convoy.console.errors import ConsoleError

VALID_DAYS = 397
"""Browsers take no certificate that is valid for longer."""
RENEW_DAYS = 30


def addresses() -> list[str]:
    """Return the addresses by which others may reach this machine."""
    found = set()
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        # No packet is sent: connecting a datagram socket only chooses the way, and the own address on it.
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            found.add(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        found |= {str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    return sorted(address for address in found if not ipaddress.ip_address(address).is_loopback)


def self_made(folder: Path) -> tuple[Path, Path]:
    """Return certificate and key in `folder`; they are made where there are none, or none for long enough.

    ECDSA P-256, for this machine's names and addresses (RFC 5280, CA/Browser Forum Baseline Requirements 6.3.2).

    Raises:
        ConsoleError: they can't be written.
    """
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = [socket.gethostname(), "localhost"]
    hosts = [ipaddress.ip_address(address) for address in [*addresses(), "127.0.0.1", "::1"]]
    try:
        if not _still_good(certificate, key, hosts):
            folder.mkdir(parents=True, exist_ok=True)
            _make(certificate, key, names, hosts)
    except OSError as error:
        raise ConsoleError(f"The certificate can't be written to {folder}: {error.strerror}.") from None
    return certificate, key


def context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Load a certificate for a server.

    Raises:
        ConsoleError: the files are missing, or don't belong together.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        made.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        said = "no certificate with its key" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConsoleError(f"Certificate {certificate} with key {key} can't be used: {said}.") from None
    return made


def fingerprint(certificate: Path) -> str:
    """Return a certificate's SHA-256 as browsers show it, to compare by eye."""
    digest = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256())
    return digest.hex(":").upper()


def _still_good(certificate: Path, key: Path, hosts: list[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    if not (certificate.exists() and key.exists()):
        return False
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left.days >= RENEW_DAYS and {*hosts} <= {*names.get_values_for_type(x509.IPAddress)}


def _make(
    certificate: Path, key: Path, names: list[str], hosts: list[ipaddress.IPv4Address | ipaddress.IPv6Address]
) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"convoy on {names[0]}"[:64])])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [*(x509.DNSName(name) for name in names), *(x509.IPAddress(host) for host in hosts)]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key.unlink(missing_ok=True)
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret.private_bytes(pem, *plain))
    certificate.write_bytes(made.public_bytes(pem))
