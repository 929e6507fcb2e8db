//! Phase 1 at the doors of runs: accept, hear which process it is, and go on over the connection that was handed over, or right here.
//!
//! A shim knocks once and hands over one connection after the other: each is one of the run's, with a place of its own.

use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Proxy;
use super::accept::{AFTER_FAILURE, Open, connection};
use super::dial::Stream;
use super::door::{Opened, Openings};
use super::gate::Caller;
use super::handed::{self, Goes};
use super::preface::InvalidPreface;
use super::read::Way;

/// How many connections one run may have open.
const PLACES: usize = 256;

/// Serves the doors of runs until shutdown begins.
pub(super) async fn run(proxy: Arc<Proxy>, mut openings: Openings) {
    loop {
        let opened = tokio::select! {
            opened = openings.0.recv() => opened,
            () = proxy.parts.tasks.stopping() => return,
        };
        let Some(Opened { listener, caller, closing }) = opened else { return };
        let places = Arc::new(Semaphore::new(PLACES));
        let door = Door { proxy: Arc::clone(&proxy), caller, closing, places };
        let work = door.clone().accept(listener);
        door.until_closed(work);
    }
}

/// The door of one run. A run has places of its own: one that fills them shuts out nobody else.
#[derive(Clone)]
struct Door {
    proxy: Arc<Proxy>,
    caller: Caller,
    closing: CancellationToken,
    places: Arc<Semaphore>,
}

impl Door {
    /// What is dropped when the door closes: a run that has ended uses nothing any more.
    fn until_closed(&self, work: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        self.proxy.parts.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = closing.cancelled() => {}
            }
        });
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    async fn accept(self, listener: UnixListener) {
        loop {
            let Some(place) = self.place().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.proxy.parts.tasks.stopping() => return,
            };
            match accepted {
                Ok((stream, _)) => self.until_closed(self.clone().hear(stream, place)),
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection of a run failed");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// A connection of a run begins with the line that says which process is behind it. Only the first is due within a time: whoever
    /// has handed one over may take its time with the next.
    async fn hear(self, stream: UnixStream, mut place: OwnedSemaphorePermit) {
        let limit = self.proxy.settings.limits.head;
        let mut opening =
            tokio::time::timeout(limit, handed::opening(&stream)).await.unwrap_or(Err(InvalidPreface));
        loop {
            let (observed, goes) = match opening {
                Ok(Some(opening)) => opening,
                Ok(None) => return,
                Err(InvalidPreface) => {
                    self.proxy.counters.refused.one_more();
                    return tracing::debug!("a connection of a run without a clean first line was closed");
                }
            };
            let way = Way::Run(Caller { observed: observed.map(Arc::new), ..self.caller.clone() });
            match goes {
                Goes::OnHere(behind) => return self.serve(handed::here(stream, behind), way, place).await,
                Goes::Over(handed) => self.until_closed(self.clone().serve(handed, way, place)),
            }
            let Some(next) = self.place().await else { return };
            place = next;
            opening = tokio::select! {
                opening = handed::opening(&stream) => opening,
                () = self.proxy.parts.tasks.stopping() => return,
            };
        }
    }

    async fn serve(self, stream: impl Stream + 'static, way: Way, place: OwnedSemaphorePermit) {
        let open = Open::new(&self.proxy, place);
        connection(self.proxy, stream, way, open).await;
    }
}
