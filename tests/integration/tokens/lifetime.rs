//! When tokens begin and end, whatever was remembered of them, and which keys are believed meanwhile.

use std::sync::Arc;
use std::time::Duration;

use exeat::base::clock::{Clock, ManualClock};
use exeat::base::secret::Secret;
use exeat::domain::token::{LiveToken, PreviousKey, TokenKeys, TokenProblem, Verifier};

use super::fixture::{AUDIENCE, NOW, SEED, agent, issuer, keys, minted, minted_with, usual_items, verifier};

const MICRO: Duration = Duration::from_micros(1);

#[test]
fn g10_a_token_ends_on_time_seen_before_or_not() {
    let (clock, warm, token) = (ManualClock::at(NOW), verifier(), minted());
    let seen = warm.verify(&token, clock.now()).unwrap();
    clock.advance(Duration::from_micros(299_999_999));
    assert!(warm.verify(&token, clock.now()).is_ok());
    assert!(verifier().verify(&token, clock.now()).is_ok());
    assert!(LiveToken::of(Arc::clone(&seen), agent(), clock.now()).is_ok());
    clock.advance(MICRO);
    assert_eq!(warm.verify(&token, clock.now()), Err(TokenProblem::Expired));
    assert_eq!(warm.verify(&token, clock.now()), Err(TokenProblem::Expired));
    assert_eq!(verifier().verify(&token, clock.now()), Err(TokenProblem::Expired));
    assert_eq!(LiveToken::of(seen, agent(), clock.now()).err(), Some(TokenProblem::Expired));
}

#[test]
fn g10_a_clock_before_the_beginning_is_refused_seen_before_or_not() {
    let (warm, token) = (verifier(), minted());
    assert!(warm.verify(&token, NOW).is_ok());
    let before = exeat::base::clock::Timestamp::from_micros(NOW.as_micros() - 1);
    assert_eq!(warm.verify(&token, before), Err(TokenProblem::NotYetValid));
    assert_eq!(verifier().verify(&token, before), Err(TokenProblem::NotYetValid));
}

#[test]
fn fractions_of_a_second_are_cut_so_that_a_token_ends_early() {
    let at = NOW.plus(Duration::from_millis(900));
    let token = minted_with(&keys(SEED), usual_items(), at, Duration::from_secs(10));
    let seen = verifier().verify(token.expose_secret(), at).unwrap();
    assert_eq!(seen.expires_at(), NOW.plus(Duration::from_secs(10)));
    assert_eq!(seen.issued_at(), NOW);
}

#[test]
fn i8_no_token_lives_longer_than_an_hour() {
    let token = minted_with(&keys(SEED), usual_items(), NOW, Duration::from_hours(20));
    let seen = verifier().verify(token.expose_secret(), NOW).unwrap();
    assert_eq!(seen.expires_at(), NOW.plus(Duration::from_hours(1)));
}

#[test]
fn tokens_seen_again_are_not_read_again() {
    let (verifier, token) = (verifier(), minted());
    let first = verifier.verify(&token, NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &verifier.verify(&token, NOW).unwrap()));
}

#[test]
fn a_rotated_key_is_believed_until_its_last_token_has_ended() {
    let old = keys(SEED);
    let longest = Duration::from_hours(1);
    let token = minted_with(&old, usual_items(), NOW, longest);
    let retired = PreviousKey { public: old.public(), retired_at: NOW };
    let new = Arc::new(TokenKeys::new(&Secret::new(vec![9; 32]), &[retired]).unwrap());
    let verifier = || Verifier::new(Arc::clone(&new), issuer(), AUDIENCE);
    let last = NOW.plus(Duration::from_micros(3_599_999_999));
    assert!(verifier().verify(token.expose_secret(), last).is_ok());
    assert_eq!(new.jwks(last).keys.len(), 2);

    let end = NOW.plus(longest);
    assert_eq!(verifier().verify(token.expose_secret(), end), Err(TokenProblem::Expired));
    let after = end.plus(Duration::from_secs(1));
    assert_eq!(verifier().verify(token.expose_secret(), after), Err(TokenProblem::UnknownKey));
    assert_eq!(new.jwks(after).keys.len(), 1);

    let fresh = minted_with(&new, usual_items(), after, longest);
    assert!(verifier().verify(fresh.expose_secret(), after).is_ok());
    let without = Verifier::new(Arc::new(keys(SEED)), issuer(), AUDIENCE);
    assert_eq!(without.verify(fresh.expose_secret(), after), Err(TokenProblem::UnknownKey));
}

#[test]
fn a_key_that_was_never_ours_signs_nothing_we_believe() {
    let token = minted_with(&keys(SEED + 1), usual_items(), NOW, Duration::from_mins(5));
    assert_eq!(verifier().verify(token.expose_secret(), NOW), Err(TokenProblem::UnknownKey));
    // Under our header, so that only the signature is left to tell.
    let ours = minted();
    let header = ours.split('.').next().unwrap();
    let (_, rest) = token.expose_secret().split_once('.').unwrap();
    assert_eq!(verifier().verify(&format!("{header}.{rest}"), NOW), Err(TokenProblem::BadSignature));
}
