"""The authority of a site: what signs certificates for connections that are decrypted.

One for each site, made where it is used, so that a stolen key opens no other site. Whoever has the
key can read all that devices of the site send: it never leaves its folder and is readable by its
owner alone. `filterd.crt` is what devices are given to trust.
"""

import datetime as dt
import os
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from filterd.model.durable import make_directory, sync_directory
from filterd.model.errors import RulesError

CA_FILE = "mitmproxy-ca.pem"  # the name is mitmproxy's: key and certificate in one file
PUBLIC_FILE = "filterd.crt"
VALID_DAYS = 730


def make_authority(folder: Path, site: str, now: dt.datetime) -> Path:
    """Make an authority in `folder`; return the file for devices.

    Raises:
        RulesError: there is one already. OSError: it cannot be written.
    """
    secret = folder / CA_FILE
    if secret.exists():
        raise RulesError(
            f"{secret} is there already; devices trust it. To begin anew, move the folder away"
        )
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key, site, now).public_bytes(serialization.Encoding.PEM)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    make_directory(folder)
    folder.chmod(0o700)
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
        sink.write(pem + certificate)
        sink.flush()
        os.fsync(sink.fileno())
    public = folder / PUBLIC_FILE
    public.write_bytes(certificate)
    sync_directory(folder)
    return public


def _certificate(key: ec.EllipticCurvePrivateKey, site: str, now: dt.datetime) -> x509.Certificate:
    # RFC 5280 section 4.2.1: an authority (basicConstraints) whose key signs certificates only.
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, site),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{site} filter {secrets.token_hex(4)}"),
        ]
    )
    usage = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def fingerprint(file: Path) -> str:
    """Return the SHA-256 of a certificate as devices show it."""
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
