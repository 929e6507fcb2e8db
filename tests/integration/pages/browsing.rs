//! In a real browser.

use reqwest::Method;
use serde_json::json;

use super::{id, ready, two_items};
use crate::house::{Browser, House};

/// Opens a link that signs in, and signs in.
pub(super) async fn sign_in(browser: &Browser, house: &House) {
    let made = house.review(Method::POST, "/v1/login-links", Some(json!({}))).await.expect(201);
    browser.go(made["url"].as_str().unwrap()).await;
    assert!(!browser.url().await.contains("exk_"), "the link is gone from the address at once");
    browser.click("button.main").await;
    browser.shows("Inbox").await;
}

#[tokio::test]
async fn a_person_sees_a_request_arrive_narrows_it_and_decides() {
    let (house, _upstream, agent) = ready().await;
    let browser = Browser::open(1100, 900).await;
    sign_in(&browser, &house).await;
    browser.shows("Live: new requests show up by themselves.").await;
    let approval = two_items(&house, &agent, "Clean up").await;
    browser.shows("DELETE /files/old").await;

    browser.click("a.whole").await;
    browser.shows("What would be granted").await;
    browser.click("fieldset:nth-of-type(1) summary").await;
    let wider = r#"{"type":"http","upstream":"files","methods":["GET","PUT"],"paths":["/files/a"]}"#;
    browser.write("#narrow-0", wider).await;
    browser.shows("it may be narrowed, never widened").await;
    browser.write("#narrow-0", &wider.replace(r#","PUT""#, "")).await;
    browser.shows("Narrower: ").await;
    browser.click("input[name='item.0'][value=approve]").await;
    browser.click("input[name='item.1'][value=deny]").await;
    browser.write("#reason", "Not the old ones").await;
    browser.click(".buttons button.main").await;
    browser.shows("granted 1 of 2 items").await;
    assert!(browser.text().await.contains("one-time link"));

    let told =
        house.ask(&agent, Method::GET, &format!("/v1/approvals/{}", id(&approval)), None).await.expect(200);
    assert_eq!(told["granted"][0]["methods"], json!(["GET"]));
    assert_eq!(told["decisions"][0]["authenticated_by"], "link");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn j02_f14_what_an_agent_writes_is_text_wherever_it_is_shown() {
    let (house, _upstream, _agent) = ready().await;
    let markup = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";
    let body = json!({"name": "\"><script>owned", "identities": ["service:ci-bot"], "upstreams": ["files"]});
    let made = house.review(Method::POST, "/v1/agents", Some(body)).await.expect(201);
    let agent = crate::house::Agent {
        id: made["id"].as_str().unwrap().to_owned(),
        key: made["key"].as_str().unwrap().to_owned(),
    };
    let body = json!({"identity": "service:ci-bot", "reason": markup,
        "step": {"claimed": {"tool": "</code><b>", "call": markup}},
        "items": [{"type": "http", "upstream": "files", "methods": ["GET"], "paths": ["/a/%3Cscript%3E"]}]});
    let approval = house.ask(&agent, Method::POST, "/v1/approvals", Some(body)).await.expect(201);
    let browser = Browser::open(1100, 900).await;
    sign_in(&browser, &house).await;
    let page = id(&approval);
    let base = house.review.replace("127.0.0.1", "localhost");
    for path in [
        "/".to_owned(),
        "/approvals".to_owned(),
        format!("/approvals/{page}"),
        format!("/reports/{page}"),
        "/log".to_owned(),
        format!("/log?about={page}"),
        "/installed".to_owned(),
    ] {
        browser.go(&format!("{base}{path}")).await;
        let foreign = browser.script("return document.querySelectorAll('img, b, main script').length").await;
        assert_eq!(foreign, 0, "{path}");
        assert_ne!(browser.script("return document.title").await, "owned", "{path}");
    }
    browser.go(&format!("{base}/approvals/{page}")).await;
    assert!(browser.text().await.contains(markup), "it is shown as it was written");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}
