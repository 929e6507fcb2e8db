//! Serving a router on a listener: HTTP/1.1, bounded in connections and in the time a request's head may take (J12).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::base::tasks::Tasks;

/// Connections open at once; more wait to be accepted.
const CONNECTIONS: usize = 2048;
/// How long a head may take to arrive, and a connection may wait for its next one.
const HEAD: Duration = Duration::from_secs(30);
/// How large a head may be, in bytes.
const HEAD_SIZE: usize = 64 * 1024;
/// How long to wait after the system refused a connection, for lack of descriptors for example.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` until shutdown begins; answers under way are finished.
pub async fn listen(listener: TcpListener, router: Router, tasks: Tasks) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = tasks.stopping() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let served = serve(stream, router.clone(), tasks.clone());
                tasks.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, router: Router, tasks: Tasks) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_SIZE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = tasks.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
