//! A token in the wrong hands, and what whoever presents one learns.

use std::sync::Arc;
use std::time::Duration;

use exeat::domain::token::{LiveToken, MAX_TOKEN, MintError, TokenProblem, Verifier, items_fit, mint};

use super::fixture::{
    AUDIENCE, NOW, OTHER_AGENT, SEED, agent, exchanged, issuer, item, keys, minted, verify,
};

#[test]
fn g01_a_token_presented_by_another_agent_is_refused() {
    let token = verify(&minted()).unwrap();
    let thief = OTHER_AGENT.parse().unwrap();
    assert_eq!(LiveToken::of(Arc::clone(&token), thief, NOW).err(), Some(TokenProblem::WrongHolder));
    assert_eq!(LiveToken::of(token, agent(), NOW).unwrap().token().agent(), agent());
}

#[test]
fn g03_a_token_of_this_key_for_another_issuer_or_audience_is_refused() {
    let token = minted();
    for (issuer, audience) in [
        ("https://exeat.example", "urn:other"),
        ("https://other.example", AUDIENCE),
        ("https://exeat.example:8443", AUDIENCE),
    ] {
        let verifier = Verifier::new(Arc::new(keys(SEED)), issuer.parse().unwrap(), audience);
        assert_eq!(verifier.verify(&token, NOW), Err(TokenProblem::WrongParty), "{issuer} {audience}");
    }
}

#[test]
fn whoever_presents_a_token_learns_nothing_from_its_refusal() {
    let problems = [
        TokenProblem::Malformed,
        TokenProblem::UnknownKey,
        TokenProblem::BadSignature,
        TokenProblem::BadClaims,
        TokenProblem::WrongParty,
        TokenProblem::NotYetValid,
        TokenProblem::Expired,
        TokenProblem::WrongHolder,
    ];
    for problem in problems {
        assert_eq!(problem.to_string(), "the token is not accepted");
        assert_eq!(problems.iter().filter(|other| other.reason() == problem.reason()).count(), 1);
    }
}

#[test]
fn an_issuer_has_one_spelling() {
    for text in
        ["https://exeat.example/x", "https://exeat.example?x", "exeat.example", "http://exeat.example", ""]
    {
        assert!(text.parse::<exeat::domain::token::Issuer>().is_err(), "{text}");
    }
    let slash: exeat::domain::token::Issuer = "https://exeat.example/".parse().unwrap();
    assert_eq!(slash.as_str(), "https://exeat.example");
}

#[test]
fn j12_no_token_is_made_that_would_not_be_read() {
    let path = |n: usize| format!("/{n:02}{}", "a".repeat(900));
    for count in 1..=20 {
        let items: Vec<_> = (0..count).map(|n| item(&["GET"], &path(n))).collect();
        let made =
            mint(&keys(SEED), &issuer(), AUDIENCE, &exchanged(items.clone(), NOW, Duration::from_mins(5)));
        match made {
            Ok(token) => {
                assert!(token.expose_secret().len() <= MAX_TOKEN);
                assert_eq!(verify(token.expose_secret()).unwrap().items(), items);
            }
            Err(problem) => assert_eq!((problem, items_fit(&items)), (MintError::TooLong, false)),
        }
    }
}
