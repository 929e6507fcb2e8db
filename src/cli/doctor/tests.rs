//! What the doctor says about a machine and an installation, in words.

use std::time::Duration;

use serde_json::json;

use super::State;
use super::machine::{core_pattern, swap};
use super::service::{clock, expiring, private};
use crate::base::clock::Timestamp;

const NONE: &str = "Filename Type Size Used Priority\n";
const ONE: &str = "Filename Type Size Used Priority\n/dev/sda2 partition 8388604 0 -2\n";

#[test]
fn swap_is_weak_only_while_memory_is_not_locked() {
    assert_eq!(swap(NONE, false).state, State::Ok);
    assert_eq!(swap(ONE, true).state, State::Ok);
    assert_eq!(swap(ONE, false).state, State::Weak);
}

#[test]
fn dumps_to_a_program_are_weak_only_while_the_process_can_be_dumped() {
    assert_eq!(core_pattern("core\n", false).state, State::Ok);
    assert_eq!(core_pattern("|/usr/bin/keep %p\n", true).state, State::Ok);
    assert_eq!(core_pattern("|/usr/bin/keep %p\n", false).state, State::Weak);
}

#[test]
fn b10_an_upstream_that_may_be_at_a_private_address_is_said_aloud() {
    let upstream = |ranges: &[&str]| {
        let list = json!({ "upstreams": [{
            "id": "ups_018f0000000070008000000000000000", "name": "forge", "version": 1,
            "origins": ["https://forge.example"], "slot": "bearer", "allow_addresses": ranges, "cookies": "drop",
        }] });
        private(&serde_json::from_value(list).unwrap())
    };
    assert_eq!(upstream(&[]).state, State::Ok);
    let said = upstream(&["10.0.0.0/8"]);
    assert_eq!(said.state, State::Weak);
    assert!(said.found.contains("forge (10.0.0.0/8)"), "{}", said.found);
}

#[test]
fn a_key_that_ends_soon_is_said_aloud_and_that_of_a_removed_agent_is_not() {
    let agent = |removed: serde_json::Value| {
        let list = json!({ "agents": [{
            "id": "agt_018f0000000070008000000000000000", "name": "ci", "identities": [], "upstreams": [],
            "enrolled_by": "per_018f0000000070008000000000000000",
            "expires_at": "2026-11-23T20:00:00.000000Z", "removed_at": removed,
        }] });
        let now = Timestamp::try_from("2026-11-22T20:00:00Z".to_owned()).unwrap();
        expiring(&serde_json::from_value(list).unwrap(), now).state
    };
    assert_eq!(agent(json!(null)), State::Weak);
    assert_eq!(agent(json!("2026-11-22T19:00:00.000000Z")), State::Ok);
}

#[test]
fn g10_a_clock_that_was_set_back_is_wrong() {
    let now = Timestamp::from_seconds(1_000_000);
    assert_eq!(clock(Some(now), now).state, State::Ok);
    assert_eq!(clock(None, now).state, State::Ok);
    assert_eq!(clock(Some(now.plus(Duration::from_mins(1))), now).state, State::Wrong);
}
