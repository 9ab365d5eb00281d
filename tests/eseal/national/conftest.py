"""The `openssl` command as an independent oracle."""

import os
import shutil
import subprocess

import pytest


@pytest.fixture(scope="session")
def openssl() -> None:
    """Skips where there is no OpenSSL command with SM2; with CI set it fails instead."""
    if shutil.which("openssl"):
        curves = subprocess.run(["openssl", "ecparam", "-list_curves"], capture_output=True, text=True, check=True)
        if "SM2" in curves.stdout:
            return
    message = "the openssl command, with SM2, is not here"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
