use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::base::clock::ManualClock;

fn started() -> (Arc<ManualClock>, NewAuthority) {
    let now = Timestamp::from_seconds(1_795_000_000);
    (Arc::new(ManualClock::at(now)), create(now).unwrap())
}

fn loaded(clock: &Arc<ManualClock>, new: &NewAuthority) -> Authority {
    Authority::load(&new.certificate_pem, &new.key, Arc::<ManualClock>::clone(clock) as Arc<dyn Clock>)
        .unwrap()
}

/// A verifier's clock that shows a given second.
#[derive(Debug)]
struct At(u64);

impl rustls::time_provider::TimeProvider for At {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        Some(rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

/// Whether a client that trusts `root` accepts what is served for `host` when it asks for `asked` at `second`.
async fn accepted(config: Arc<ServerConfig>, root: &str, asked: &str, second: i64) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut client =
        ClientConfig::builder_with_details(provider, Arc::new(At(u64::try_from(second).unwrap())))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let (a, b) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from(asked.to_owned()).unwrap();
    let (client, _) = tokio::join!(
        TlsConnector::from(Arc::new(client)).connect(name, a),
        TlsAcceptor::from(config).accept(b)
    );
    client.is_ok_and(|stream| stream.get_ref().1.alpn_protocol() == Some(b"h2"))
}

#[tokio::test]
async fn a_leaf_is_good_for_its_host_and_its_day_only() {
    let (clock, new) = started();
    let authority = loaded(&clock, &new);
    let config = authority.server_config("api.example.com").unwrap();
    let (root, now) = (&new.certificate_pem, clock.now().as_seconds());
    assert!(accepted(Arc::clone(&config), root, "api.example.com", now).await);
    assert!(!accepted(Arc::clone(&config), root, "other.example.com", now).await);
    assert!(!accepted(Arc::clone(&config), root, "a.api.example.com", now).await);
    assert!(!accepted(config, root, "api.example.com", now + 24 * 3600).await);
}

#[tokio::test]
async fn a_loaded_authority_signs_under_the_root_clients_already_trust() {
    let (clock, new) = started();
    clock.advance(Duration::from_hours(24 * 100));
    let config = loaded(&clock, &new).server_config("api.example.com").unwrap();
    assert!(accepted(config, &new.certificate_pem, "api.example.com", clock.now().as_seconds()).await);
}

#[test]
fn a_leaf_is_kept_and_renewed_before_it_ends() {
    let (clock, new) = started();
    let authority = loaded(&clock, &new);
    let first = authority.server_config("a.example").unwrap();
    assert!(Arc::ptr_eq(&first, &authority.server_config("a.example").unwrap()));
    clock.advance(Duration::from_hours(13));
    assert!(!Arc::ptr_eq(&first, &authority.server_config("a.example").unwrap()));
}

#[test]
fn the_number_of_kept_leaves_is_bounded() {
    let (clock, new) = started();
    let authority = loaded(&clock, &new);
    for host in 0..600 {
        authority.server_config(&format!("h{host}.example")).unwrap();
    }
    assert!(authority.leaves.len() <= MAX_LEAVES * 2, "{} are kept", authority.leaves.len());
}

#[test]
fn a_key_of_another_authority_is_refused() {
    let (clock, new) = started();
    let (_, other) = started();
    let loaded = Authority::load(&new.certificate_pem, &other.key, clock);
    assert!(matches!(loaded, Err(AuthorityError::Mismatch)));
    assert_eq!(format!("{new:?}"), "NewAuthority");
}

/// Connects twice and says whether the second handshake went on where the first had ended. `hosts` are asked for in turn.
async fn resumes(authority: &Authority, root: &str, hosts: [&str; 2]) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let now = u64::try_from(authority.clock.now().as_seconds()).unwrap();
    let client = ClientConfig::builder_with_details(provider, Arc::new(At(now)))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = TlsConnector::from(Arc::new(client));
    let mut resumed = false;
    for host in hosts {
        let (a, b) = tokio::io::duplex(64 * 1024);
        let name = ServerName::try_from("a.example").unwrap();
        let server = TlsAcceptor::from(authority.server_config(host).unwrap());
        let (near, far) = tokio::join!(client.connect(name, a), server.accept(b));
        let (Ok(mut near), Ok(mut far)) = (near, far) else { return false };
        // Tickets come with the first bytes after the handshake.
        tokio::io::AsyncWriteExt::write_all(&mut far, b"x").await.unwrap();
        tokio::io::AsyncReadExt::read_exact(&mut near, &mut [0]).await.unwrap();
        resumed = near.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    }
    resumed
}

#[tokio::test]
async fn a_client_that_comes_back_resumes_its_session_and_only_at_its_host() {
    let (clock, new) = started();
    let authority = loaded(&clock, &new);
    assert!(resumes(&authority, &new.certificate_pem, ["a.example", "a.example"]).await);
    assert!(!resumes(&authority, &new.certificate_pem, ["a.example", "b.example"]).await);
}
