"""A timestamp authority over HTTP, answered by `openssl ts`; or by whatever a test puts in its place."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.eseal.certificates import profiles
from services.eseal.keys.software import SoftwareKey
from tests.eseal.builders import NOON, issuing

Answer = Callable[[bytes], tuple[int, bytes]]
_CONFIGURATION = """
[tsa]
default_tsa = own
[own]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
signer_digest = sha256
"""


class OpensslAuthority:
    """Makes timestamps with a key and a certificate of its own, under the tests' root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        key = ec.generate_private_key(ec.SECP256R1())
        own = profiles.make_timestamping(issuing(), SoftwareKey(key), NOON)
        kind, style = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        (folder / "key.pem").write_bytes(key.private_bytes(kind, style, serialization.NoEncryption()))
        (folder / "tsa.pem").write_text(own.certificate_pem())
        (folder / "chain.pem").write_text(issuing().certificate_pem())
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(_CONFIGURATION)

    def __call__(self, query: bytes) -> tuple[int, bytes]:
        (self._folder / "query").write_bytes(query)
        files = ("-queryfile", "query", "-signer", "tsa.pem", "-inkey", "key.pem", "-chain", "chain.pem")
        command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", *files, "-out", "reply"]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True, timeout=30)
        return 200, (self._folder / "reply").read_bytes()


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """The address of a server that answers each query so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", body.decode())
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
