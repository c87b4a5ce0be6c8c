"""openssl: digests, ciphers, keys and signatures, and files over TLS between s_server and curl"""

NEEDS = {"openssl": "openssl", "curl": "curl"}


def load(run):
    def openssl(*argv, **more):
        return run.call(["openssl", *argv], **more)

    run.write("words", run.words(30_000_000 * run.scale))
    for digest in ("sha256", "sha3-512", "blake2b512"):
        openssl("dgst", f"-{digest}", "words")
    key = ["-K", "0123456789abcdef" * 4, "-iv", "fedcba9876543210" * 2]
    for cipher in ("aes-256-cbc", "aria-256-ctr", "chacha20"):
        openssl("enc", f"-{cipher}", *key, "-in", "words", "-out", cipher)
        openssl("enc", "-d", f"-{cipher}", *key, "-in", cipher, "-out", "back")
        run.keep(cipher, "back")

    # Keys are random: what can be compared is that they work. Their progress on stderr is random too.
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-out", "rsa.pem", compare=False)
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "ec.pem", compare=False)
    for kind in ("rsa", "ec"):
        openssl("pkey", "-in", f"{kind}.pem", "-pubout", "-out", f"{kind}.pub")
        openssl("pkey", "-in", f"{kind}.pem", "-check", "-noout")
        openssl("dgst", "-sha256", "-sign", f"{kind}.pem", "-out", f"{kind}.sig", "words")
        openssl("dgst", "-sha256", "-verify", f"{kind}.pub", "-signature", f"{kind}.sig", "words")

    openssl("req", "-x509", "-key", "ec.pem", "-out", "cert.pem", "-subj", "/CN=localhost", "-days", "2",
            "-addext", "subjectAltName=IP:127.0.0.1", compare=False)  # fmt: skip
    port = run.port()
    connections = 20 * run.scale
    server = run.start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-naccept", connections,
                        "-cert", "cert.pem", "-key", "ec.pem", "-WWW"])  # fmt: skip
    # The server's own word says that it is ready: a trial connection would count as one.
    run.wait_until(server, lambda: b"ACCEPT" in server.output)
    run.write("page", run.words(2_000_000))
    for _ in range(connections):
        run.call(["curl", "-sS", "--cacert", "cert.pem", f"https://127.0.0.1:{port}/page"])
    run.finish(server)
