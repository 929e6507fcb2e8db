//! J04: each claim of a properly signed token, missing, of another type, out of range, repeated or contradicted.

use exeat::domain::token::TokenProblem;

use super::fixture::{OTHER_AGENT, claiming, claims_text, verify};

/// The signed text with one part of it replaced; the part must be there once.
fn with(from: &str, to: &str) -> String {
    let text = claims_text();
    assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
    text.replace(from, to)
}

fn refused(claims: &str) -> TokenProblem {
    verify(&claiming(claims)).expect_err(claims)
}

/// The members of the signed object in their order, each as its name and the text of its value.
fn members() -> Vec<(String, String)> {
    let text = claims_text();
    let (mut depth, mut members) = (0, vec![String::new()]);
    for c in text[1..text.len() - 1].chars() {
        depth += i32::from("[{".contains(c)) - i32::from("]}".contains(c));
        match (c, depth) {
            (',', 0) => members.push(String::new()),
            _ => members.last_mut().unwrap().push(c),
        }
    }
    let pair = |member: &String| {
        let (name, value) = member.split_once(':').unwrap();
        (name.trim_matches('"').to_owned(), value.to_owned())
    };
    members.iter().map(pair).collect()
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn the_forger_of_these_tests_can_forge() {
    assert!(verify(&claiming(&claims_text())).is_ok());
    assert!(verify(&claiming(&object(&members()))).is_ok());
}

#[test]
fn j04_each_missing_claim_is_refused() {
    let members = members();
    let mut optional = Vec::new();
    for (index, (name, _)) in members.iter().enumerate() {
        let mut without = members.clone();
        drop(without.remove(index));
        match verify(&claiming(&object(&without))) {
            Ok(_) => optional.push(name.as_str()),
            Err(problem) => assert_eq!(problem, TokenProblem::BadClaims, "{name}"),
        }
    }
    assert_eq!(optional, ["on_behalf_of", "run"]);
}

#[test]
fn j04_each_claim_of_another_type_is_refused() {
    for (index, (name, _)) in members().iter().enumerate() {
        for value in ["null", "true", "[]", "{}", "7.5", "-1", "\"\"", "[[]]", "[null]", "\"7\""] {
            let mut members = members();
            value.clone_into(&mut members[index].1);
            let problem = refused(&object(&members));
            let party = name == "aud" && value.starts_with('"') && problem == TokenProblem::WrongParty;
            assert!(problem == TokenProblem::BadClaims || party, "{name} {value}: {problem:?}");
        }
    }
}

#[test]
fn j04_times_that_are_not_plain_whole_seconds_are_refused() {
    for (name, at) in [("exp", 1_800_000_300_i64), ("iat", 1_800_000_000), ("nbf", 1_800_000_000)] {
        let plain = format!("\"{name}\":{at}");
        let far = at + 1;
        for value in [
            format!("\"{at}\""),
            format!("{at}.0"),
            format!("{at}.5"),
            "1.8e9".to_owned(),
            "1e400".to_owned(),
            "-1e400".to_owned(),
            format!("-{at}"),
            "-0".to_owned(),
            format!("0{at}"),
            format!("+{at}"),
            "9223372036854775807".to_owned(),
            "9223372036854775808".to_owned(),
            "18446744073709551615".to_owned(),
            "18446744073709551616".to_owned(),
            "NaN".to_owned(),
            "null".to_owned(),
            format!("[{at}]"),
            format!("{at},\"{name}\":{at}"),
            format!("{at},\"{name}\":{far}"),
        ] {
            assert_eq!(
                refused(&with(&plain, &format!("\"{name}\":{value}"))),
                TokenProblem::BadClaims,
                "{name} {value}"
            );
        }
    }
}

#[test]
fn j04_lives_beyond_an_hour_or_that_end_before_they_begin_are_refused() {
    assert!(verify(&claiming(&with("\"exp\":1800000300", "\"exp\":1800003600"))).is_ok());
    for exp in ["1800003601", "1900000000", "1799999999", "0"] {
        assert_eq!(refused(&with("\"exp\":1800000300", &format!("\"exp\":{exp}"))), TokenProblem::BadClaims);
    }
}

#[test]
fn g03_a_token_from_the_future_is_refused() {
    let later = claims_text().replace("1800000300", "1800000301").replace("1800000000", "1800000001");
    assert_eq!(refused(&later), TokenProblem::NotYetValid);
    let apart = with("\"nbf\":1800000000", "\"nbf\":1800000001");
    assert_eq!(refused(&apart), TokenProblem::BadClaims);
}

#[test]
fn j04_another_audience_or_another_shape_of_it_is_refused() {
    let aud = "\"aud\":\"urn:exeat:proxy\"";
    for value in
        ["[\"urn:exeat:proxy\"]", "[\"urn:exeat:proxy\",\"other\"]", "[]", "7", "{\"urn:exeat:proxy\":1}"]
    {
        assert_eq!(refused(&with(aud, &format!("\"aud\":{value}"))), TokenProblem::BadClaims, "{value}");
    }
    for value in ["other", "urn:exeat:proxy/", "URN:exeat:proxy", "urn:exeat:proxy ", "urn:exeat", ""] {
        assert_eq!(refused(&with(aud, &format!("\"aud\":\"{value}\""))), TokenProblem::WrongParty, "{value}");
    }
}

#[test]
fn j04_another_issuer_is_refused() {
    for value in [
        "https://exeat.example/",
        "https://exeat.example:443",
        "http://exeat.example",
        "https://EXEAT.example",
        "https://exeat.example.",
        "https://other.example",
        "",
    ] {
        let claims = claims_text().replace("https://exeat.example", value);
        assert_eq!(refused(&claims), TokenProblem::WrongParty, "{value}");
        let actor = with(
            "\"iss\":\"https://exeat.example\",\"sub_profile\"",
            &format!("\"iss\":\"{value}\",\"sub_profile\""),
        );
        assert_eq!(refused(&actor), TokenProblem::BadClaims, "{value}");
    }
}

#[test]
fn j04_unknown_and_repeated_claims_are_refused() {
    for more in ["\"admin\":true", "\"scope\":\"all\"", "\"sub\":\"user:root\"", "\"jti\":null", "\"\":1"] {
        let text = claims_text();
        let last = format!("{},{more}}}", text.strip_suffix('}').unwrap());
        let first = format!("{{{more},{}", text.strip_prefix('{').unwrap());
        assert_eq!(refused(&last), TokenProblem::BadClaims, "{more}");
        assert_eq!(refused(&first), TokenProblem::BadClaims, "{more}");
    }
    for (within, more) in
        [("\"act\":{", "\"act\":{},"), ("\"cnf\":{", "\"jkt\":\"x\","), ("\"approval\":{", "\"by\":1,")]
    {
        assert_eq!(refused(&with(within, &format!("{within}{more}"))), TokenProblem::BadClaims, "{more}");
    }
    let repeated = with("\"methods\":[\"GET\"],", "\"methods\":[\"GET\"],\"methods\":[\"POST\"],");
    assert_eq!(refused(&repeated), TokenProblem::BadClaims);
}

#[test]
fn j04_another_spelling_of_the_same_claims_is_refused() {
    let text = claims_text();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let array: Vec<_> = value.as_object().unwrap().values().collect();
    for spelling in [
        format!(" {text}"),
        format!("{text} "),
        format!("{text}\n"),
        format!("{text}{{}}"),
        format!("\u{feff}{text}"),
        text.replace(':', ": "),
        text.replace("ai_agent", "ai\\u005fagent"),
        serde_json::to_string(&value).unwrap(),
        serde_json::to_string(&array).unwrap(),
        text.replace("agt_", "AGT_"),
        with("\"GET\",\"POST\"", "\"POST\",\"GET\""),
        with("\"methods\":[\"GET\"],", "\"methods\":[\"GET\"],\"delivery\":\"inject\","),
    ] {
        assert_eq!(refused(&spelling), TokenProblem::BadClaims, "{spelling}");
    }
}

#[test]
fn j04_claims_that_contradict_each_other_are_refused() {
    let agent = super::fixture::AGENT;
    for (claim, other) in [
        (format!("\"client_id\":\"{agent}\""), format!("\"client_id\":\"{OTHER_AGENT}\"")),
        (format!("\"act\":{{\"sub\":\"{agent}\""), format!("\"act\":{{\"sub\":\"{OTHER_AGENT}\"")),
        (format!("\"urn:exeat:agent\":\"{agent}\""), format!("\"urn:exeat:agent\":\"{OTHER_AGENT}\"")),
    ] {
        assert_eq!(refused(&with(&claim, &other)), TokenProblem::BadClaims, "{claim}");
    }
}

/// A token has one actor: there is no delegation to follow, however properly it is written.
#[test]
fn j06_a_chain_of_actors_is_refused() {
    let actor =
        with("\"ai_agent\"}", "\"ai_agent\",\"act\":{\"sub\":\"agt_01900000000070008000000000000002\"}}");
    assert_eq!(refused(&actor), TokenProblem::BadClaims);
}

#[test]
fn i1_a_token_that_names_no_approver_or_grants_nothing_is_refused() {
    let approvers = "\"approvers\":[\"per_01900000000070008000000000000006\"]";
    assert_eq!(refused(&with(approvers, "\"approvers\":[]")), TokenProblem::BadClaims);
    let mut members = members();
    let items = members.iter_mut().find(|(name, _)| name == "authorization_details").unwrap();
    "[]".clone_into(&mut items.1);
    assert_eq!(refused(&object(&members)), TokenProblem::BadClaims);
}

#[test]
fn j12_claims_nested_without_end_are_refused() {
    let deep = "[".repeat(6000);
    assert_eq!(refused(&deep), TokenProblem::BadClaims);
    assert_eq!(
        refused(&with("\"aud\":\"urn:exeat:proxy\"", &format!("\"aud\":{deep}"))),
        TokenProblem::BadClaims
    );
}
