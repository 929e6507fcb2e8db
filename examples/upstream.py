#!/usr/bin/env python3
"""An HTTPS upstream on this machine for the tour in the README.

It answers only to the key `tour-secret`. Needs python3 and openssl. Its root certificate is written to upstream-ca.pem in the
directory it is started in; the other files stay in a temporary directory.
"""
import http.server
import ssl
import subprocess
import tempfile

PORT = 8443
EXTENSIONS = "subjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def certificate(directory):
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    ca_key, key, request, leaf, extensions = (f"{directory}/{name}" for name in ("ca.key", "key", "csr", "pem", "ext"))
    with open(extensions, "w", encoding="ascii") as file:
        file.write(EXTENSIONS)
    openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", "upstream-ca.pem", "-days", "2", "-subj", "/CN=tour root")
    openssl("req", *curve, "-keyout", key, "-out", request, "-subj", "/CN=localhost")
    openssl("x509", "-req", "-in", request, "-CA", "upstream-ca.pem", "-CAkey", ca_key, "-CAcreateserial",
            "-CAserial", f"{directory}/serial", "-out", leaf, "-days", "2", "-extfile", extensions)
    return leaf, key


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        known = self.headers.get("Authorization") == "Bearer tour-secret"
        body = b'{"repository":"acme/app","issues":3}\n' if known else b'{"error":"bad credentials"}\n'
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


with tempfile.TemporaryDirectory() as directory:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(directory))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Upstream)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(f"ready: https://localhost:{PORT}, its root is upstream-ca.pem", flush=True)
    server.serve_forever()
