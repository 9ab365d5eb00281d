"""A PKCS#11 token in software, for tests: in a temporary directory, gone afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.servers.install import find_or_install

LABEL = "seals"
PIN = "478291"


class SoftHsm:
    """SoftHSM with one token.

    The library reads its configuration once, when it is first used: so there is one in a process.
    """

    def __init__(self) -> None:
        self.module = find_or_install(_find_module, "softhsm2")
        self._folder = Path(tempfile.mkdtemp(prefix="duokua-softhsm-"))

    def __enter__(self) -> Self:
        (self._folder / "tokens").mkdir()
        configuration = self._folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {self._folder / 'tokens'}\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(configuration)
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", PIN],
            check=True,
            capture_output=True,
        )
        return self

    @contextmanager
    def away(self) -> Iterator[None]:
        """With the token pulled out."""
        tokens, elsewhere = self._folder / "tokens", self._folder / "away"
        tokens.rename(elsewhere)
        try:
            yield
        finally:
            elsewhere.rename(tokens)

    def __exit__(self, *_: object) -> None:
        del os.environ["SOFTHSM2_CONF"]
        shutil.rmtree(self._folder)


def _find_module() -> Path | None:
    if shutil.which("softhsm2-util") is None:
        return None
    return next(Path("/usr/lib").glob("**/libsofthsm2.so"), None)
