"""Apache PDFBox's preflight, from Debian: whether a PDF is for the archive, by the first part of PDF/A (PDF/A-1b)."""

import shutil
import subprocess
from pathlib import Path

PACKAGES = ("libpdfbox2-java", "libactivation-java", "libjaxb-api-java", "default-jre-headless")
_JARS = Path("/usr/share/java")
_NEEDED = tuple(
    _JARS / f"{name}.jar"
    for name in ("preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "javax.activation", "jaxb-api")
)


def find() -> Path | None:
    """Where it lies, if all that it needs is there."""
    return _JARS if shutil.which("java") and all(jar.exists() for jar in _NEEDED) else None


def preflight(content: bytes, folder: Path) -> set[str]:
    """The codes of what it finds in a file."""
    (folder / "judged.pdf").write_bytes(content)
    path = ":".join(map(str, _NEEDED))
    command = ("java", "-cp", path, "org.apache.pdfbox.preflight.Validator_A1b", "judged.pdf")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    said = done.stdout.splitlines()
    assert said, done.stderr
    assert "judged.pdf is" in said[0], done.stdout
    return {line.split(" : ")[0] for line in said[1:] if " : " in line}
