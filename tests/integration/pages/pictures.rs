//! Each page as it looks: wide and narrow, light and dark. `make screenshots` keeps the pictures in target/screenshots.

use std::path::Path;

use serde_json::json;

use super::browsing::sign_in;
use super::{id, ready, two_items};
use crate::house::Browser;

/// The pages, wide and narrow, of an installation in which something has happened; `keep` gets each.
async fn each_page(keep: Option<&Path>) {
    let (house, upstream, agent) = ready().await;
    let pending = two_items(&house, &agent, "Remove what the release does not need").await;
    let (approval, token) = house.token(&agent, "/files/**", json!({})).await;
    let http = house.through_proxy(&agent);
    for path in ["/files/a", "/files/b", "/elsewhere"] {
        http.get(upstream.url(path)).bearer_auth(&token).send().await.unwrap();
    }
    let browser = Browser::open(1100, 900).await;
    sign_in(&browser, &house).await;
    let base = house.review.replace("127.0.0.1", "localhost");
    let pages = [
        ("inbox", "/".to_owned()),
        ("approval", format!("/approvals/{}", id(&pending))),
        ("approvals", "/approvals".to_owned()),
        ("runs", "/runs".to_owned()),
        ("report", format!("/reports/{approval}")),
        ("log", "/log".to_owned()),
        ("entry", "/log/3".to_owned()),
        ("installed", "/installed".to_owned()),
        ("missing", "/log/9999".to_owned()),
        ("login", "/login".to_owned()),
    ];
    for (width, scheme) in [(1100, "light"), (1100, "dark"), (320, "light")] {
        for (name, path) in &pages {
            browser.looks(width, 900, scheme).await;
            browser.go(&format!("{base}{path}")).await;
            let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(browser.script(script).await, 0, "{name} is wider than {width}");
            if let Some(directory) = keep {
                let height = browser.script("return document.documentElement.scrollHeight").await;
                let height = u32::try_from(height.as_u64().unwrap()).unwrap();
                browser.looks(width, height.max(600), scheme).await;
                browser.picture(&directory.join(format!("{name}-{width}-{scheme}.png"))).await;
            }
        }
    }
    browser.close().await;
}

#[tokio::test]
async fn no_page_is_wider_than_a_phone() {
    each_page(None).await;
}

#[tokio::test]
#[ignore = "make screenshots"]
async fn screenshots() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
    std::fs::create_dir_all(&directory).unwrap();
    each_page(Some(&directory)).await;
}
