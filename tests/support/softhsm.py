"""A token in software (SoftHSM2), made for one test; skips loudly where it cannot be."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.needs import absent, program

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = "246813"


@dataclass(frozen=True)
class Token:
    folder: Path
    module: str

    @property
    def pin_file(self):
        return self.folder / "pin"

    def address(self, ident=2, pin=True):
        source = f"&pin-source=file:{self.pin_file}" if pin else ""
        return f"pkcs11:token=officer;id=%{ident:02x}?module-path={self.module}{source}"

    def make(self, kind, ident):
        self.run(
            "pkcs11-tool", "--module", self.module, "--token-label", "officer", "--login",
            "--pin", PIN, "--keypairgen", "--key-type", kind, "--id", f"{ident:02x}",
            "--label", f"key {ident}",
        )  # fmt: skip

    def run(self, *words):
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (words, done.stdout, done.stderr)


def soft_token(folder, monkeypatch):
    module = next((each for each in MODULES if Path(each).exists()), None)
    if module is None:
        absent("libsofthsm2.so", "apt-get install softhsm2")
    program("softhsm2-util", "softhsm2")
    program("pkcs11-tool", "opensc")
    folder.mkdir()
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    token = Token(folder, module)
    token.pin_file.write_text(PIN + "\n")
    token.run(
        "softhsm2-util", "--init-token", "--free", "--label", "officer", "--pin", PIN,
        "--so-pin", "13572468",
    )  # fmt: skip
    return token
