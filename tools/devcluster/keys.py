"""A control plane's own keys: a certificate authority, what it signs, the key that signs tokens.

P-256 throughout: an RSA key would be the longest step of the start.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devcluster.access import write_private

_LIFE = dt.timedelta(days=365)
_NAME = "devcluster"
_NAMES = ("localhost", "kubernetes.default.svc", "127.0.0.1")


def write(folder: Path) -> None:
    """Writes ca.crt, apiserver.crt, apiserver.key and sa.key; the authority's own key is written nowhere."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = Authority()
    (folder / "ca.crt").write_text(authority.certificate)
    authority.issue(folder, "apiserver", "kube-apiserver", names=_NAMES)
    write_private(folder / "sa.key", _pem(_key()))


class Authority:
    """Signs certificates. Its own key is in memory until `write_key` is asked for."""

    def __init__(self) -> None:
        self._key = _key()
        self._certificate = _certificate(_name(_NAME), self._key, self._key, (), is_authority=True)

    @property
    def certificate(self) -> str:
        """As PEM."""
        return _text(self._certificate)

    def write_key(self, path: Path) -> None:
        """For a program that signs with it."""
        write_private(path, _pem(self._key))

    def issue(
        self, folder: Path, file: str, common_name: str, *, organization: str = "", names: Sequence[str] = ()
    ) -> None:
        """Writes `file`.crt and `file`.key: a client's; with `names` (DNS, IP) a server's too."""
        key = _key()
        certificate = _certificate(_name(common_name, organization), key, self._key, names, is_authority=False)
        (folder / f"{file}.crt").write_text(_text(certificate))
        write_private(folder / f"{file}.key", _pem(key))


def write_token_keys(folder: Path) -> None:
    """Writes sa.key, which signs the tokens of ServiceAccounts, and sa.pub."""
    key = _key()
    write_private(folder / "sa.key", _pem(key))
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "sa.pub").write_bytes(key.public_key().public_bytes(*form))


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    *,
    is_authority: bool,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_name(_NAME))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))  # clocks differ
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_usage(is_authority), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if names:
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    if not is_authority:
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if names else [])]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str, organization: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
