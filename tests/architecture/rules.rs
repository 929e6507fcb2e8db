//! The rules of the house, and every exception with its reason. Exceptions may only be taken away.

/// The rooms, and which others each may name. `main.rs` and `lib.rs` may name all.
pub(crate) const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("domain", &["base"]),
    ("store", &["base", "domain"]),
    ("planes", &["base", "domain"]),
    ("broker", &["base", "domain", "store", "planes"]),
    ("edges", &["base", "domain", "store", "planes", "broker"]),
    ("boot", &["base", "domain", "store", "planes", "broker", "edges"]),
    ("cli", &["base", "domain", "planes", "edges", "boot"]),
];

/// Something that only some files may name.
pub(crate) struct Rule {
    /// Beginnings of paths; a single word that begins with `.` is a method.
    pub(crate) names: &'static [&'static str],
    /// Where it belongs: folders or files under `src/`.
    pub(crate) home: &'static [&'static str],
    /// Where else it is named, and why.
    pub(crate) except: &'static [(&'static str, &'static str)],
}

/// Who may name what.
pub(crate) const RULES: &[Rule] = &[
    Rule { names: &["sqlx"], home: &["store/"], except: &[] },
    Rule {
        names: &["axum", "tower_http"],
        home: &["edges/"],
        except: &[("cli/demo/forge.rs", "the demo's upstream answers HTTP requests of its own")],
    },
    Rule { names: &["utoipa", "utoipa_axum"], home: &["edges/"], except: &[] },
    Rule {
        names: &[
            "hyper::server",
            "hyper_util::server",
            "rustls::server",
            "rustls::ServerConfig",
            "tokio_rustls::server",
            "tokio_rustls::TlsAcceptor",
            "tokio_rustls::LazyConfigAcceptor",
        ],
        home: &["planes/network/"],
        except: &[
            ("cli/demo/forge.rs", "the demo's upstream is a TLS server of its own"),
            ("edges/listen.rs", "bounds the heads that the routers of the edges are sent"),
        ],
    },
    Rule { names: &["landlock", "seccompiler", "libc"], home: &["planes/filesystem/"], except: &[] },
    Rule {
        names: &["close_fds"],
        home: &["planes/filesystem/"],
        except: &[("cli/inside.rs", "the shim keeps its descriptors from the agent")],
    },
    Rule { names: &["ring"], home: &["base/crypto/", "base/random.rs"], except: &[] },
    Rule { names: &["jsonwebtoken"], home: &["domain/token/"], except: &[] },
    Rule { names: &["tokio::spawn", "tokio::task::spawn"], home: &["base/tasks.rs"], except: &[] },
    Rule { names: &["std::time::SystemTime::now", "SystemTime::now"], home: &["base/clock.rs"], except: &[] },
    Rule {
        names: &["std::env", "env::var", "env::vars", "env::var_os", "env::args"],
        home: &["main.rs", "cli/"],
        except: &[],
    },
    // The kernel's way to watch calls has no safe interface that does without a C library.
    Rule { names: &["unsafe_code"], home: &["planes/filesystem/opens/notify.rs"], except: &[] },
    // What stands in the ledger is said by the store that wrote it, and by nobody else (I2).
    Rule {
        names: &["Recorded::assertion", "domain::ledger::Recorded::assertion"],
        home: &["store/"],
        except: &[],
    },
    Rule {
        names: &[".expose_secret", ".expose_secret_mut"],
        home: &["base/secret.rs", "planes/secrets/vault/"],
        except: EXPOSE,
    },
];

/// Where the bytes of a secret are seen outside the vault: placed, sealed, signed with or hashed.
const EXPOSE: &[(&str, &str)] = &[
    ("base/crypto/aead.rs", "a key that seals and opens"),
    ("base/crypto/kdf.rs", "a passphrase from which a key is made"),
    ("base/crypto/sign.rs", "the seed of a signing key"),
    (
        "broker/gate.rs",
        "an agent key or a token as it was presented, or a token held for a run, to be looked up by its hash or verified",
    ),
    ("broker/layers/ask.rs", "a token as a layer shows it, to be verified"),
    ("broker/setup/credentials.rs", "a new credential is checked for what cannot stand in a header field"),
    ("edges/api/token.rs", "a new token leaves, once, in the answer of the exchange"),
    ("planes/network/authority.rs", "the key that signs the certificates of intercepted hosts"),
    (
        "planes/network/client_certificate.rs",
        "the key of a client certificate is checked, and signs a handshake",
    ),
    ("planes/network/proxy/place.rs", "a credential is put in its slot"),
    ("planes/network/scrub/needle.rs", "a credential is looked for in what its upstream answers"),
];

/// What the pure room never names.
pub(crate) const NOT_IN_DOMAIN: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "hyper_util",
    "sqlx",
    "reqwest",
    "rustls",
    "tokio_rustls",
    "utoipa",
    "std::fs",
    "std::net::TcpStream",
];

/// The phases of the proxy reach the broker through one trait, and never see the vault or an issuer.
pub(crate) const NOT_IN_PROXY: &[&str] = &["crate::planes::secrets", "crate::store", "crate::broker"];

/// No file of the program is longer.
pub(crate) const LONGEST_FILE: usize = 500;
/// A longer one is a question, answered in `LONG_FILES`.
pub(crate) const LONG_FILE: usize = 300;
/// Longer than `LONG_FILE`, the most each may have, and why it is one file. The numbers only go down.
pub(crate) const LONG_FILES: &[(&str, usize, &str)] = &[];
/// No function is longer, in lines from `fn` to its closing brace.
pub(crate) const LONGEST_FUNCTION: usize = 80;
