//! Signing in and deciding by forms alone: no script is needed for either.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Visitor, digest, id, ready, two_items};
use crate::house::{House, binary};

async fn link(house: &House) -> String {
    let made = house.review(Method::POST, "/v1/login-links", Some(json!({}))).await.expect(201);
    made["url"].as_str().unwrap().split_once("#link=").unwrap().1.to_owned()
}

#[tokio::test]
async fn a_person_decides_item_by_item_and_the_agent_is_told() {
    let (house, _upstream, agent) = ready().await;
    let approval = two_items(&house, &agent, "Clean up").await;
    let visitor = Visitor::signed_in(&house, &house.review_key).await;
    let inbox = visitor.look("/").await;
    assert!(inbox.text.contains("DELETE /files/old") && inbox.text.contains("Clean up"), "{}", inbox.text);

    let page = format!("/approvals/{}", id(&approval));
    let seen = visitor.look(&page).await.text;
    for said in [digest(&approval), "service:ci-bot", "Clean up", "make release", "has never asked"] {
        assert!(seen.contains(said), "{said}: {seen}");
    }
    let narrow = r#"{"type":"http","upstream":"files","methods":["GET"],"paths":["/files/a"]}"#;
    let form = [
        ("digest", digest(&approval)),
        ("item.0", "approve"),
        ("narrow.0", narrow),
        ("item.1", "deny"),
        ("narrow.1", ""),
        ("reason", "Leave the old ones"),
    ];
    let sent = visitor.send(&page, &form).await;
    assert_eq!((sent.status, sent.location.as_deref()), (303, Some(page.as_str())), "{}", sent.text);

    let told = house.ask(&agent, Method::GET, &format!("/v1{page}"), None).await.expect(200);
    assert_eq!((&told["state"], &told["granted"][0]["paths"]), (&json!("approved"), &json!(["/files/a"])));
    let decision = &told["decisions"][0];
    let expected = (&json!("Leave the old ones"), &json!("review_key"));
    assert_eq!((&decision["reason"], &decision["authenticated_by"]), expected);
    let after = visitor.look(&page).await.text;
    assert!(after.contains("granted 1 of 2 items") && !after.contains("Answer as chosen"), "{after}");

    // The same again: what it has, and what became of it, stands beside it.
    let again = two_items(&house, &agent, "Clean up again").await;
    let seen = visitor.look(&format!("/approvals/{}", id(&again))).await.text;
    assert!(seen.contains("Asked before: 1 ×, approved 1 ×, denied 0 ×"), "{seen}");
    assert!(seen.contains("<strong>never used</strong>"), "{seen}");
}

#[tokio::test]
async fn i03_what_is_wider_is_refused_and_what_was_typed_stays() {
    let (house, _upstream, agent) = ready().await;
    let approval = two_items(&house, &agent, "Clean up").await;
    let visitor = Visitor::signed_in(&house, &house.review_key).await;
    let page = format!("/approvals/{}", id(&approval));
    let wider = r#"{"type":"http","upstream":"files","methods":["GET"],"paths":["/**"]}"#;
    let twice = r#"{"type":"http","type":"http","upstream":"files","methods":["GET"],"paths":["/files/a"]}"#;
    for (typed, status, said) in
        [(wider, 403, "may be narrowed, never widened"), (twice, 400, "Item 1"), ("{", 400, "Item 1")]
    {
        let form =
            [("digest", digest(&approval)), ("item.0", "approve"), ("narrow.0", typed), ("item.1", "deny")];
        let refused = visitor.send(&page, &form).await;
        assert_eq!(refused.status, status, "{typed}: {}", refused.text);
        assert!(refused.text.contains(said), "{typed}: {}", refused.text);
        let judged = visitor.send(&format!("{page}/narrow"), &[("narrow.0", typed)]).await;
        assert!(judged.status == 200 && !judged.text.starts_with("Narrower"), "{}", judged.text);
    }
    let judged =
        visitor.send(&format!("{page}/narrow"), &[("narrow.0", &wider.replace("/**", "/files/b"))]).await;
    assert!(judged.text.starts_with("Narrower: "), "{}", judged.text);
    let told = house.ask(&agent, Method::GET, &format!("/v1{page}"), None).await.expect(200);
    assert_eq!(told["state"], "pending");
}

#[tokio::test]
async fn f04_somebody_else_was_quicker_and_other_words_are_not_decided() {
    let (house, _upstream, agent) = ready().await;
    let approval = house.request(&agent, "/files/a", json!({})).await;
    let visitor = Visitor::signed_in(&house, &house.review_key).await;
    let page = format!("/approvals/{}", id(&approval));
    let other = "0".repeat(64);
    let refused = visitor.send(&page, &[("digest", &other), ("item.0", "approve")]).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    house.approve(&approval).await.expect(200);
    let late = visitor.send(&page, &[("digest", digest(&approval)), ("item.0", "deny")]).await;
    assert_eq!(late.status, 409, "{}", late.text);
    assert!(late.text.contains(r#"class="state approved""#), "it is shown as it stands: {}", late.text);
    let ended = visitor.send(&format!("{page}/end"), &[]).await;
    assert_eq!(ended.status, 303);
    let told = house.ask(&agent, Method::GET, &format!("/v1{page}"), None).await.expect(200);
    assert_eq!(told["state"], "revoked");
}

#[tokio::test]
async fn a_link_signs_in_once_and_looking_at_it_spends_nothing() {
    let house = House::start();
    let key = link(&house).await;
    let stranger = Visitor::stranger(&house);
    // As a chat server does that shows what is behind a link.
    let seen = stranger.look("/login").await;
    assert_eq!(seen.status, 200);
    let visitor = Visitor::signed_in(&house, &key).await;
    assert_eq!(visitor.look("/").await.status, 200);
    let again = stranger.send("/login", &[("key", &key)]).await;
    assert_eq!(again.status, 401, "{}", again.text);
    assert!(again.text.contains("exeat login"), "{}", again.text);
    let output = binary()
        .args(["login", "--review-url", &house.review])
        .env("EXEAT_REVIEW_KEY", &house.review_key)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.starts_with("http://localhost:") && printed.contains("/login#link=exk_"), "{printed}");
}

#[tokio::test]
async fn a_session_ends_with_signing_out_and_with_the_person() {
    let (house, _upstream, agent) = ready().await;
    let visitor = Visitor::signed_in(&house, &house.review_key).await;
    assert_eq!(visitor.send("/logout", &[]).await.location.as_deref(), Some("/login"));
    let after = visitor.look("/").await;
    assert_eq!((after.status, after.location.as_deref()), (303, Some("/login")));

    let body = json!({"name": "Bob", "roles": ["reviewer"]});
    let bob = house.review(Method::POST, "/v1/people", Some(body)).await.expect(201);
    let bobs = Visitor::signed_in(&house, bob["review_key"].as_str().unwrap()).await;
    let approval = house.request(&agent, "/files/a", json!({})).await;
    let page = format!("/approvals/{}", id(&approval));
    assert_eq!(bobs.look(&page).await.status, 200);
    let remove = format!("/v1/people/{}/remove", bob["person"].as_str().unwrap());
    house.review(Method::POST, &remove, None).await;
    // F17: removed between looking and clicking.
    let refused = bobs.send(&page, &[("digest", digest(&approval)), ("item.0", "approve")]).await;
    assert_eq!((refused.status, refused.location.as_deref()), (303, Some("/login")));
    let told = house.ask(&agent, Method::GET, &format!("/v1{page}"), None).await.expect(200);
    assert_eq!(told["state"], "pending");
    let log = house.log().await;
    let kinds = |kind: &str| log.iter().filter(|line| line["entry"]["event"]["type"] == kind).count();
    assert_eq!((kinds("session_began"), kinds("session_ended")), (2, 1));
    assert!(!Value::from(log).to_string().contains("exs_"), "what a browser sends is not in the log");
}

#[tokio::test]
async fn g12_no_page_of_another_origin_decides() {
    let (house, _upstream, agent) = ready().await;
    let approval = house.request(&agent, "/files/a", json!({})).await;
    let visitor = Visitor::signed_in(&house, &house.review_key).await;
    let (page, form) =
        (format!("/approvals/{}", id(&approval)), [("digest", digest(&approval)), ("item.0", "approve")]);
    for origin in ["https://evil.example", "http://localhost:1", "null"] {
        let refused = visitor.send_from(origin, &page, &form).await;
        assert_eq!(refused.status, 403, "{origin}: {}", refused.text);
    }
    // J08: what is shown is never what is done.
    assert_eq!(
        visitor.look(&format!("{page}?item.0=approve&digest={}", digest(&approval))).await.status,
        200
    );
    let told = house.ask(&agent, Method::GET, &format!("/v1{page}"), None).await.expect(200);
    assert_eq!(told["state"], "pending");
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_signing_in() {
    let house = House::start();
    let visitor = Visitor::stranger(&house);
    let asked = visitor.look("/runs").await;
    assert_eq!(asked.location.as_deref(), Some("/login?next=/runs"));
    for (next, goes) in [
        ("/runs", "/runs"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a?b", "/"),
    ] {
        let sent = visitor.send("/login", &[("key", &house.review_key), ("next", next)]).await;
        assert_eq!(sent.location.as_deref(), Some(goes), "{next}");
    }
}

#[tokio::test]
async fn i07_who_may_not_decide_is_told_so_and_cannot() {
    let (house, _upstream, agent) = ready().await;
    let approval = house.request(&agent, "/files/a", json!({})).await;
    let body = json!({"name": "Audrey", "roles": ["auditor"]});
    let audrey = house.review(Method::POST, "/v1/people", Some(body)).await.expect(201);
    let auditor = Visitor::signed_in(&house, audrey["review_key"].as_str().unwrap()).await;
    let page = format!("/approvals/{}", id(&approval));
    let seen = auditor.look(&page).await.text;
    assert!(seen.contains("Deciding takes the role reviewer.") && !seen.contains(">Approve<"), "{seen}");
    let refused = auditor.send(&page, &[("digest", digest(&approval)), ("item.0", "approve")]).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert_eq!(auditor.send(&format!("{page}/end"), &[]).await.status, 403);
}

#[tokio::test]
async fn everything_is_read_in_pages_and_each_reading_is_on_record() {
    let (house, upstream, agent) = ready().await;
    let (approval, token) = house.token(&agent, "/files/a", json!({})).await;
    let http = house.through_proxy(&agent);
    http.get(upstream.url("/files/a")).bearer_auth(&token).send().await.unwrap();
    let visitor = Visitor::signed_in(&house, &house.review_key).await;
    let report = visitor.look(&format!("/reports/{approval}")).await.text;
    for said in ["GET https://localhost", "1 ×", "Alice", "review key", "exeat/"] {
        assert!(report.contains(said), "{said}: {report}");
    }
    let log = visitor.look(&format!("/log?about={approval}&type=use_started")).await.text;
    let index = log.split("href=\"/log/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let entry = visitor.look(&format!("/log/{index}")).await.text;
    assert!(entry.contains("&#34;use_started&#34;") || entry.contains("use_started"), "{entry}");
    assert!(entry.contains("gives the root of the signed head"), "{entry}");
    let installed = visitor.look("/installed").await.text;
    assert!(installed.contains("service:ci-bot") && !installed.contains(upstream.secret()), "{installed}");
    for (path, status) in [
        ("/log?about=nothing", 400),
        ("/log?type=A", 400),
        ("/log/99999999", 404),
        ("/reports/x", 404),
        ("/runs/x", 404),
        ("/log?since=yesterday", 400),
    ] {
        assert_eq!(visitor.look(path).await.status, status, "{path}");
    }
    let read = house.log().await;
    let what = |line: &&Value| line["entry"]["event"]["type"] == "ledger_read";
    assert!(read.iter().filter(what).count() >= 3);
}
