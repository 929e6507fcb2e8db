//! What pages load: a style, a script and an icon, all ours.

use axum::http::{HeaderName, HeaderValue, header};

type Asset = ([(HeaderName, HeaderValue); 2], &'static str);

pub(super) async fn style() -> Asset {
    asset("text/css; charset=utf-8", include_str!("assets/app.css"))
}

pub(super) async fn script() -> Asset {
    asset("text/javascript; charset=utf-8", include_str!("assets/app.js"))
}

pub(super) async fn icon() -> Asset {
    asset("image/svg+xml", include_str!("assets/icon.svg"))
}

/// Kept by the browser for five minutes.
fn asset(kind: &'static str, text: &'static str) -> Asset {
    let kept = HeaderValue::from_static("private, max-age=300");
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, kept)], text)
}
