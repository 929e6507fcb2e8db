//! Passkeys, in a real browser with an authenticator of its own: registered, signed with, verified without the broker.

use reqwest::Method;
use serde_json::{Value, json};

use super::browsing::sign_in;
use super::{Visitor, digest, id, two_items};
use crate::house::{Agent, Browser, House, Upstream, answer, binary};

async fn add_passkey(browser: &Browser, house: &House, name: &str) {
    browser.go(&format!("{}/you", house.review.replace("127.0.0.1", "localhost"))).await;
    browser.write("#passkey-name", name).await;
    browser.click("#new-passkey button").await;
    browser.shows("Remove").await;
}

async fn open(browser: &Browser, house: &House, approval: &Value) {
    let base = house.review.replace("127.0.0.1", "localhost");
    browser.go(&format!("{base}/approvals/{}", id(approval))).await;
    browser.shows("Your passkey will sign your answer.").await;
}

/// A policy that asks for signatures, somebody signed in with a passkey, and an agent.
async fn signing(signature_for: &str) -> (House, Upstream, Agent, Browser, String) {
    let house = House::start_with(&format!("[policy]\nsignature_for = \"{signature_for}\"\n"));
    let upstream = Upstream::start().await;
    let agent = house.install(&upstream, "bearer").await;
    let browser = Browser::open(1100, 900).await;
    let authenticator = browser.authenticator().await;
    sign_in(&browser, &house).await;
    add_passkey(&browser, &house, "laptop").await;
    (house, upstream, agent, browser, authenticator)
}

async fn exported(house: &House) -> String {
    let export = house.review(Method::GET, "/v1/ledger/export", None).await;
    export.body.as_str().unwrap().to_owned()
}

fn verify(house: &House, export: &str) -> (bool, String) {
    let file = house.dir.path().join("export.jsonl");
    std::fs::write(&file, export).unwrap();
    let header: Value = serde_json::from_str(export.lines().next().unwrap()).unwrap();
    let mut command = binary();
    command.args(["log", "verify"]).arg(&file).args(["--key", header["keys"][0].as_str().unwrap()]);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn what_a_person_decides_is_signed_and_verified_without_the_broker() {
    let (house, _upstream, agent, browser, _) = signing("changes").await;
    let approval = two_items(&house, &agent, "Clean up").await;
    // Without a signature nothing that changes something is granted, from wherever it is tried.
    let yes = json!([{"index": 0, "decision": "approve"}, {"index": 1, "decision": "approve"}]);
    let body = json!({"statement_digest": digest(&approval), "items": yes});
    let path = format!("/v1/approvals/{}/decision", id(&approval));
    let refused = house.review(Method::POST, &path, Some(body)).await;
    assert_eq!((refused.status, refused.problem()), (403, "signature_required"));

    open(&browser, &house, &approval).await;
    browser.click("input[name='item.0'][value=approve]").await;
    browser.click("input[name='item.1'][value=approve]").await;
    browser.click(".buttons button.main").await;
    browser.shows("known by passkey").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    let export = exported(&house).await;
    let (good, said) = verify(&house, &export);
    assert!(good && said.contains("1 decisions, each by a passkey of who decided"), "{said}");
    browser.close().await;
}

#[tokio::test]
async fn a_signature_is_over_one_answer_of_one_person_and_counts_once() {
    let (house, _upstream, agent, browser, authenticator) = signing("everything").await;
    let approval = house.request(&agent, "/files/a", json!({})).await;
    open(&browser, &house, &approval).await;
    browser.click(".buttons button.main").await;
    browser.shows("known by passkey").await;
    let log = house.log().await;
    let decided =
        log.iter().map(|line| &line["entry"]["event"]).find(|event| event["type"] == "decided").unwrap();
    let assertion = decided["decision"]["signature"]["assertion"].clone();

    // F05: the same signature under another statement, another answer, and by another person.
    let other = house.request(&agent, "/files/b", json!({})).await;
    let decide = async |key: &str, verdict: &str, assertion: &Value| {
        let body = json!({"statement_digest": digest(&other), "assertion": assertion,
            "items": [{"index": 0, "decision": verdict}]});
        house
            .review_as(key, Method::POST, &format!("/v1/approvals/{}/decision", id(&other)), Some(body))
            .await
    };
    let body = json!({"name": "Bob", "roles": ["reviewer"]});
    let bob = house.review(Method::POST, "/v1/people", Some(body)).await.expect(201);
    let mut broken = assertion.clone();
    broken["signature"] = json!("AAAA");
    for (key, verdict, assertion) in [
        (house.review_key.as_str(), "approve", &assertion),
        (&house.review_key, "deny", &assertion),
        (bob["review_key"].as_str().unwrap(), "approve", &assertion),
        (&house.review_key, "approve", &broken),
    ] {
        let refused = decide(key, verdict, assertion).await;
        assert_eq!((refused.status, refused.problem()), (403, "signature_invalid"), "{}", refused.body);
    }

    // An authenticator that did not verify its person signs nothing that counts.
    browser.stop_verifying(&authenticator).await;
    open(&browser, &house, &other).await;
    browser.click(".buttons button.main").await;
    browser.shows("Not signed, and nothing was sent").await;
    let told =
        house.ask(&agent, Method::GET, &format!("/v1/approvals/{}", id(&other)), None).await.expect(200);
    assert_eq!(told["state"], "pending");
    browser.close().await;
}

#[tokio::test]
async fn only_who_has_a_passkey_changes_the_passkeys_of_its_person() {
    let (house, _upstream, agent, browser, _) = signing("everything").await;
    // Whoever has only the session is told what to sign, and nothing has changed.
    let visitor = Visitor::signed_in(&house, &house.review_key).await;
    let log = house.log().await;
    let registered = |log: &[Value]| {
        let events = log.iter().map(|line| line["entry"]["event"].clone());
        events.filter(|event| event["type"] == "passkey_registered").collect::<Vec<_>>()
    };
    let first = registered(&log)[0]["passkey"]["id"].clone();
    let remove = format!("{}/you/passkeys/remove", house.review);
    let sent = visitor.http.post(remove).header("cookie", &visitor.cookie).json(&json!({"id": first}));
    let sent = answer(sent.send().await.unwrap()).await.expect(200);
    assert_eq!(sent["sign"]["allowCredentials"][0]["id"], first);

    // The second is signed for by the first, and the first is taken away by the second.
    browser.authenticator_on("usb").await;
    browser.write("#passkey-name", "dongle").await;
    browser.click("#new-passkey button").await;
    browser.shows("dongle").await;
    let log = house.log().await;
    let both = registered(&log);
    assert_eq!((both.len(), both[0].get("signature")), (2, None));
    assert_eq!(both[1]["signature"]["assertion"]["credential_id"], first);
    browser.click(&format!("[data-remove='{}']", first.as_str().unwrap())).await;
    browser.gone(&format!("[data-remove='{}']", first.as_str().unwrap())).await;

    let approval = house.request(&agent, "/files/a", json!({})).await;
    open(&browser, &house, &approval).await;
    browser.click(".buttons button.main").await;
    browser.shows("known by passkey").await;
    let (good, said) = verify(&house, &exported(&house).await);
    assert!(good && said.contains("1 decisions"), "{said}");
    browser.close().await;
}
