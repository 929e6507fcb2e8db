use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn verdict(ip: &str) -> Result<(), Kind> {
    judge(SocketAddr::new(ip.parse().unwrap(), 443), &[], &[])
}

fn refused(ips: &[&str]) {
    for ip in ips {
        assert!(verdict(ip).is_err(), "{ip} was let through");
    }
}

/// Gives a different answer each time it is asked.
struct Changing {
    answers: Mutex<Vec<Vec<&'static str>>>,
    asked: AtomicUsize,
}

impl Changing {
    fn new(answers: &[&[&'static str]]) -> Self {
        let answers = answers.iter().rev().map(|answer| answer.to_vec()).collect();
        Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) }
    }
}

impl Resolver for Changing {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().pop().unwrap_or_default();
        let answer = answer.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).collect();
        Box::pin(async move { Ok(answer) })
    }
}

#[test]
fn public_addresses_pass() {
    for ip in ["8.8.8.8", "140.82.112.3", "2606:4700::1111", "2a00:1450::1"] {
        assert_eq!(verdict(ip), Ok(()), "{ip}");
    }
}

#[test]
fn b02_refused_ipv4_inside_ipv6_is_refused() {
    refused(&[
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::10.1.2.3",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:5601:5601",
        "2001:0:102:304:0:0:80ff:fffe",
    ]);
    assert_eq!(verdict("::ffff:8.8.8.8"), Ok(()), "the mapped form of a public address says the same");
}

#[test]
fn b03_special_ranges_are_refused() {
    refused(&[
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "ff02::1",
        "100.64.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "2001:db8::1",
        "3fff::1",
        "127.0.0.1",
        "127.255.0.1",
        "::1",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "100::1",
        "5f00::1",
    ]);
}

#[test]
fn b04_metadata_is_refused_whatever_a_definition_says() {
    let everything: [IpNet; 2] = ["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    for ip in [
        "169.254.169.254",
        "169.254.170.2",
        "fd00:ec2::254",
        "fd20:ce::254",
        "168.63.129.16",
        "100.100.100.200",
    ] {
        let address = SocketAddr::new(ip.parse().unwrap(), 80);
        assert!(judge(address, &everything, &[]).is_err(), "{ip} was opened");
    }
}

#[tokio::test]
async fn b04_metadata_names_are_refused_without_asking() {
    let resolver = Changing::new(&[&["8.8.8.8"]]);
    let answer = resolve(&resolver, ("metadata.google.internal", 80), &[], &[]).await;
    assert!(matches!(answer, Err(AddressError::Refused(Kind::Metadata))));
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn b05_the_address_that_was_checked_is_the_only_answer() {
    let resolver = Changing::new(&[&["93.184.216.34"], &["127.0.0.1"]]);
    let checked = resolve(&resolver, ("rebind.example", 443), &[], &[]).await.unwrap();
    assert_eq!(checked.as_slice(), ["93.184.216.34:443".parse().unwrap()]);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn b05_a_mixed_answer_is_refused_as_a_whole() {
    let resolver = Changing::new(&[&["93.184.216.34", "10.0.0.7"]]);
    let answer = resolve(&resolver, ("mixed.example", 443), &[], &[]).await;
    assert!(matches!(answer, Err(AddressError::Refused(Kind::Private))));
}

#[tokio::test]
async fn b07_an_alias_of_an_internal_name_is_judged_by_its_address() {
    let resolver = Changing::new(&[&["192.168.1.1"]]);
    let answer = resolve(&resolver, ("router.example.com", 443), &[], &[]).await;
    assert!(matches!(answer, Err(AddressError::Refused(Kind::Private))));
}

#[test]
fn b10_an_allowance_opens_loopback_and_private_for_itself_only() {
    let allow: [IpNet; 2] = ["127.0.0.0/8".parse().unwrap(), "10.1.0.0/16".parse().unwrap()];
    let open = |ip: &str| judge(SocketAddr::new(ip.parse().unwrap(), 443), &allow, &[]).is_ok();
    assert!(open("127.0.0.1") && open("10.1.2.3"));
    assert!(!open("10.2.0.1") && !open("169.254.1.1") && !open("::1") && !open("::ffff:127.0.0.1"));
}

#[test]
fn b10_an_allowance_wider_than_private_ranges_is_no_allowance() {
    let judged = |net: &str| judge_allowance(&net.parse().unwrap());
    for net in ["127.0.0.1/32", "10.0.0.0/8", "192.168.1.0/24", "::1/128", "fd12::/48"] {
        assert_eq!(judged(net), Ok(()), "{net}");
    }
    for net in
        ["0.0.0.0/0", "169.254.0.0/16", "169.254.169.254/32", "fe80::/10", "8.0.0.0/7", "fd00:ec2::254/128"]
    {
        assert!(judged(net).is_err(), "{net} was accepted");
    }
}

#[test]
fn b11_own_listeners_are_refused_where_loopback_is_allowed() {
    let allow: [IpNet; 1] = ["127.0.0.0/8".parse().unwrap()];
    let own: [SocketAddr; 2] = ["127.0.0.1:8001".parse().unwrap(), "0.0.0.0:8002".parse().unwrap()];
    let verdict = |to: &str| judge(to.parse().unwrap(), &allow, &own);
    assert_eq!(verdict("127.0.0.1:8001"), Err(Kind::Own));
    assert_eq!(verdict("127.0.0.9:8002"), Err(Kind::Own));
    assert_eq!(verdict("[::ffff:127.0.0.1]:8001"), Err(Kind::Own));
    assert_eq!(verdict("127.0.0.1:8003"), Ok(()));
}
