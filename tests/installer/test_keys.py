"""The owner's SSH key: taken when it is one, refused with the reason when it is not."""

import http.server
import shlex
import ssl
import threading

import pytest

from conftest import PROGRAM, call, needs_root, run


def why_not(key: str) -> str:
    return call("keys.sh", f"why_not_key {shlex.quote(key)}")


@pytest.mark.parametrize("kind", [("ed25519",), ("ecdsa",), ("rsa", "-b", "2048")], ids=lambda kind: kind[0])
def test_a_public_key_is_taken(make_key, kind):
    assert why_not(make_key("key", "-t", *kind)) == ""


def test_a_private_key_is_refused_and_not_repeated(make_key, tmp_path):
    make_key()
    private = (tmp_path / "id_ed25519").read_text()

    said = why_not(private)

    assert "private key" in said
    assert private.splitlines()[1] not in said


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "no public SSH key"),
        ("hello", "no public SSH key"),
        ("~/.ssh/id_ed25519.pub", "no public SSH key"),
        ("ssh-ed25519", "no public SSH key"),
        ("ssh-ed25519 AAAA", "damaged"),
        ("ssh-dss AAAAB3NzaC1kc3MAAACBAJ", "DSA"),
        ('command="reboot" ssh-ed25519 AAAA', "no public SSH key"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(key, words):
    assert words in why_not(key)


def test_a_key_that_was_not_copied_whole_is_refused(make_key):
    kind, body, _ = make_key().split()

    assert "damaged" in why_not(f"{kind} {body[:-12]}")


def test_a_short_rsa_key_is_refused(make_key):
    assert "1024 bits" in why_not(make_key("key", "-t", "rsa", "-b", "1024"))


def test_of_many_lines_the_good_keys_are_taken_once(make_key):
    first, second = make_key("first"), make_key("second")
    lines = f"# mine\n\n{first}\r\nssh-ed25519 AAAA broken\n{second}\n{first}"

    assert call("keys.sh", "good_keys", lines).splitlines() == [first, second]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("ada", "https://github.com/ada.keys"),
        ("codeberg.org/ada", "https://codeberg.org/ada.keys"),
        ("localhost:8443/ada", "https://localhost:8443/ada.keys"),
    ],
)
def test_a_forge_is_asked_for_the_keys_of_a_user(name, address):
    assert call("key-sources.sh", f"forge_address {name}").strip() == address


@pytest.mark.parametrize(
    "name", ["", "ada lovelace", "../etc/passwd", "a/b/c", "https://github.com/ada", "ada?x", "-x"]
)
def test_what_is_no_user_name_is_not_asked_for(name):
    assert call("key-sources.sh", f"forge_address {shlex.quote(name)} || echo refused") == "refused\n"


@pytest.fixture
def forge(tmp_path, make_key):
    """A forge with HTTPS; where it is, the certificate that it is known by, and the keys of ada."""
    certificate, key = tmp_path / "forge.crt", tmp_path / "forge.key"
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    made = ("-keyout", str(key), "-out", str(certificate))
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *name, *made)
    keys = f"{make_key('first')}\n{make_key('second')}\n"

    class Forge(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path == "/ada.keys"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(keys.encode() if known else b"no such user")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forge)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"localhost:{server.server_port}", str(certificate), keys
    server.shutdown()


def test_the_keys_of_a_user_come_from_the_forge(forge):
    where, certificate, keys = forge

    got = call("key-sources.sh", f'keys_from_forge "$(forge_address {where}/ada)"', CURL_CA_BUNDLE=certificate)

    assert got == keys


def test_a_user_that_the_forge_does_not_know_has_no_keys(forge):
    where, certificate, _ = forge

    got = call(
        "key-sources.sh", f'keys_from_forge "$(forge_address {where}/bob)" || echo none', CURL_CA_BUNDLE=certificate
    )

    assert got == "none\n"


def test_a_forge_that_nobody_vouches_for_is_not_believed(forge):
    where, _, _ = forge

    assert call("key-sources.sh", f'keys_from_forge "$(forge_address {where}/ada)" || echo none') == "none\n"


@needs_root
def test_keys_are_found_on_a_stick_and_it_is_left_as_it_was(disks, make_key, tmp_path):
    key = make_key()
    stick = disks("stick", 16)
    run("mkfs.ext4", "-q", stick.path)
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    run("mount", stick.path, str(mounted))
    (mounted / "ada.pub").write_text(f"{key}\n")
    (mounted / "notes.txt").write_text("ssh-ed25519 of nobody\n")
    run("umount", str(mounted))
    before = (tmp_path / "stick").read_bytes()

    others = "".join(f"source '{PROGRAM}/{name}.sh'; " for name in ("log", "disks", "keys"))
    found = call("key-sources.sh", f"{others} keys_on_sticks loop | good_keys")

    assert found.splitlines() == [key]
    assert (tmp_path / "stick").read_bytes() == before
