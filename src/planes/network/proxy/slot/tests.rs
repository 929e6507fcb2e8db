use super::*;
use crate::domain::upstream::Scheme;

const TOKEN: &str = "header.payload.signature";

fn target(path: &str) -> HttpTarget {
    HttpTarget::new("api".parse().unwrap(), Scheme::Https, "api.example.com", 443, "GET", path).unwrap()
}

/// What is found, with its user, and the target that is left.
fn taken(
    slot: &str,
    path: &str,
    lines: &[(&str, &str)],
) -> Result<(Option<String>, String, String), &'static str> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let slot: Slot = slot.parse().unwrap();
    let presented = take(&slot, &mut headers, target(path)).map_err(Refused::name)?;
    let left =
        headers.values().any(|value| value.as_bytes().windows(TOKEN.len()).any(|w| w == TOKEN.as_bytes()));
    assert!(!left, "the token goes on with the request");
    let token = presented.token.map(|token| String::from_utf8(token.expose_secret().to_vec()).unwrap());
    Ok((token, presented.user, presented.target.path_and_query().to_owned()))
}

fn basic_value(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

#[test]
fn each_slot_gives_up_its_token() {
    let (bearer, token) = (format!("bearer {TOKEN}"), format!("token {TOKEN}"));
    for (slot, path, name, value) in [
        ("bearer", "/a", "authorization", bearer.as_str()),
        ("bearer", "/a", "authorization", token.as_str()),
        ("header:x-key", "/a", "x-key", TOKEN),
        ("basic:git", "/a", "authorization", &basic_value(&format!("git:{TOKEN}"))),
        ("basic:git", "/a", "authorization", &basic_value(&format!(":{TOKEN}"))),
    ] {
        let (token, _, _) = taken(slot, path, &[(name, value)]).unwrap();
        assert_eq!(token.as_deref(), Some(TOKEN), "{slot}");
    }
    let (token, _, left) = taken("query:key", &format!("/a?b=c&key={TOKEN}&d=e"), &[]).unwrap();
    assert_eq!((token.as_deref(), left.as_str()), (Some(TOKEN), "/a?b=c&key=&d=e"));
}

#[test]
fn a_basic_user_that_is_not_declared_is_kept() {
    let value = basic_value(&format!("alice:{TOKEN}"));
    assert_eq!(taken("basic:", "/a", &[("authorization", &value)]).unwrap().1, "alice");
    assert_eq!(taken("basic:git", "/a", &[("authorization", &value)]), Err("not_in_slot_form"));
}

#[test]
fn an_empty_slot_is_no_error_of_form() {
    for slot in ["bearer", "basic:git", "header:x-key", "query:key"] {
        assert_eq!(taken(slot, "/a?b=c", &[("accept", "*/*")]).unwrap().0, None, "{slot}");
    }
}

#[test]
fn c15_two_credentials_in_the_slot_are_refused() {
    let bearer = format!("Bearer {TOKEN}");
    let two = [("authorization", bearer.as_str()), ("authorization", "Bearer attacker")];
    assert_eq!(taken("bearer", "/a", &two), Err("two_credentials"));
    assert_eq!(
        taken("header:x-key", "/a", &[("x-key", TOKEN), ("x-key", "attacker")]),
        Err("two_credentials")
    );
    for query in ["key=a&key=b", "key=a&KEY=b"] {
        assert_eq!(taken("query:key", &format!("/a?{query}"), &[]), Err("two_credentials"), "{query}");
    }
    assert_eq!(taken("query:key", "/a?KEY=b", &[]), Err("not_in_slot_form"));
    assert_eq!(taken("query:key", "/a?key", &[]), Err("not_in_slot_form"));
}

#[test]
fn another_form_than_the_slots_is_refused() {
    for value in [
        "Basic YTpi",
        "Bearer",
        "Bearer ",
        "Bearer  x",
        "Bearer a b",
        "Bearer a, Bearer b",
        "token",
        "token a b",
        "tokens abc",
        "OAuth abc",
        TOKEN,
    ] {
        assert_eq!(taken("bearer", "/a", &[("authorization", value)]), Err("not_in_slot_form"), "{value}");
    }
    for value in
        ["Bearer x", "Basic ???", &basic_value("nocolon"), &basic_value("git:"), &basic_value("g\u{7f}t:x")]
    {
        assert_eq!(taken("basic:git", "/a", &[("authorization", value)]), Err("not_in_slot_form"), "{value}");
    }
}

#[test]
fn a_credential_outside_the_slot_is_refused() {
    let bearer = format!("Bearer {TOKEN}");
    for name in ["cookie", "x-api-key", "private-token", "x-vault-token"] {
        let lines = [("authorization", bearer.as_str()), (name, "foreign")];
        assert_eq!(taken("bearer", "/a", &lines), Err("credential_outside_slot"), "{name}");
    }
    let lines = [("authorization", bearer.as_str()), ("x-key", TOKEN)];
    assert_eq!(taken("header:x-key", "/a", &lines), Err("credential_outside_slot"));
    assert_eq!(taken("bearer", "/a?access_token=foreign", &lines[..1]), Err("credential_outside_slot"));
    assert!(taken("query:api_key", "/a?api_key=x", &[]).is_ok());
}

#[test]
fn e01_the_token_in_a_second_place_is_refused() {
    let bearer = format!("Bearer {TOKEN}");
    for name in ["user-agent", "origin", "x-request-id", "referer"] {
        let echo = format!("before-{TOKEN}-after");
        let lines = [("authorization", bearer.as_str()), (name, echo.as_str())];
        assert_eq!(taken("bearer", "/a", &lines), Err("token_elsewhere"), "{name}");
    }
    for path in [format!("/{TOKEN}/x"), format!("/a?q={TOKEN}")] {
        assert_eq!(taken("bearer", &path, &[("authorization", &bearer)]), Err("token_elsewhere"));
    }
    assert_eq!(taken("query:key", &format!("/a?key={TOKEN}"), &[("x", TOKEN)]), Err("token_elsewhere"));
}
