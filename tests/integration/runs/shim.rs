//! A shim as it stands inside the walls: every connection to its loopback port is handed over on the run's socket, with a line that says
//! which process it is.

use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use reqwest::Client;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::house::{House, hand_over};

/// The command line's digest that the shim tells of.
pub(super) const COMMAND: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(super) struct Shim {
    address: SocketAddr,
    socket: PathBuf,
}

pub(super) fn preface() -> String {
    format!(
        "{{\"v\":1,\"step\":{{\"pid\":77,\"executable\":\"/usr/bin/git\",\"command\":\"{COMMAND}\",\"parents\":[{{\"pid\":7,\"executable\":\"/bin/sh\"}}]}}}}\n"
    )
}

async fn carry(stream: TcpStream, socket: &Path) {
    let Ok(door) = UnixStream::connect(socket).await else { return };
    hand_over(&door, preface().as_bytes(), &[stream.as_fd()]);
}

impl Shim {
    pub(super) async fn before(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, socket) = (listener.local_addr().unwrap(), socket.to_owned());
        let inside = socket.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let inside = inside.clone();
                #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
                tokio::spawn(async move { carry(stream, &inside).await });
            }
        });
        Self { address, socket }
    }

    /// Its loopback port.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client inside the walls: it trusts the system of the run, which is Exeat's root and `more`.
    pub(super) fn client(&self, house: &House, more: &[&str]) -> Client {
        crate::house::install_crypto();
        let ca = std::fs::read(house.data().join("ca.pem")).unwrap();
        let roots = more.iter().map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
        let roots = roots.chain([reqwest::Certificate::from_pem(&ca).unwrap()]);
        Client::builder()
            .proxy(reqwest::Proxy::all(format!("http://{}", self.address)).unwrap())
            .tls_certs_only(roots)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap()
    }

    /// Everything that comes back for these bytes on the run's socket.
    pub(super) async fn raw(&self, bytes: &[u8]) -> String {
        let mut door = UnixStream::connect(&self.socket).await.unwrap();
        drop(door.write_all(bytes).await);
        let mut answer = Vec::new();
        drop(door.read_to_end(&mut answer).await);
        String::from_utf8_lossy(&answer).into_owned()
    }
}
