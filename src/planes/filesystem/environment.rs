//! The variables of a run: what the profile lets pass, and what leads the common tools to the way out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::profile::Environment;
use super::trust::java_beside;

/// The variables that the profile gives, out of those that are set outside.
#[must_use]
pub fn given(
    terms: &Environment,
    outside: impl IntoIterator<Item = (OsString, OsString)>,
    home: &Path,
) -> BTreeMap<OsString, OsString> {
    let passes = |name: &str| {
        terms.pass.iter().any(|pass| match pass.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pass,
        })
    };
    let mut all: BTreeMap<OsString, OsString> =
        outside.into_iter().filter(|(name, _)| name.to_str().is_some_and(passes)).collect();
    all.extend(terms.set.iter().map(|(name, value)| (name.into(), value.into())));
    all.insert("HOME".into(), home.into());
    all
}

/// What stays on loopback inside is not sent out.
const DIRECT: &str = "localhost,127.0.0.1,::1";

/// Variables that take the address of the proxy.
const PROXY: [&str; 9] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "CARGO_HTTP_PROXY",
    "npm_config_proxy",
    "npm_config_https_proxy",
];

/// Variables that take a file of authorities. curl, git, Python, Ruby, Go, OpenSSL, cargo, npm, Node, Deno, aws, gRPC, Nix.
const TRUST: [&str; 13] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "npm_config_cafile",
    "NODE_EXTRA_CA_CERTS",
    "DENO_CERT",
    "AWS_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "NIX_SSL_CERT_FILE",
    "BUNDLE_SSL_CA_CERT",
];

/// What leads a program to the proxy on `port`, and has it trust the authorities in `trust`.
#[must_use]
pub fn way_out(port: u16, trust: &Path) -> Vec<(String, OsString)> {
    let proxy = format!("http://127.0.0.1:{port}");
    // Java reads neither the variables nor PEM. Where there is no store for it, it goes by its own.
    let store = java_beside(trust);
    let trusting = if store.exists() {
        format!(" -Djavax.net.ssl.trustStore=\"{}\" -Djavax.net.ssl.trustStoreType=JKS", store.display())
    } else {
        String::new()
    };
    let java = format!(
        "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort={port} -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={port} \
         -Dhttp.nonProxyHosts=localhost|127.*|[::1]{trusting}"
    );
    let text = |name: &str, value: &str| (name.to_owned(), OsString::from(value));
    let mut all = vec![
        text("NO_PROXY", DIRECT),
        text("no_proxy", DIRECT),
        text("NODE_USE_ENV_PROXY", "1"),
        text("DENO_TLS_CA_STORE", "system"),
        text("GIT_TERMINAL_PROMPT", "0"),
        // Without one, cargo sends nothing to a registry that wants to be shown a token. This one is the variables.
        text("CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS", "cargo:token"),
        text("JAVA_TOOL_OPTIONS", &java),
    ];
    all.extend(PROXY.map(|name| text(name, &proxy)));
    all.extend(TRUST.map(|name| (name.to_owned(), trust.into())));
    all
}
