//! Address tricks: a governed name that leads somewhere else.

use super::stage::{Plan, Stage, key_line};

/// What `CONNECT` to the governed name gets when it resolves to `ip`.
async fn reason(stage: &Stage, ip: &str) -> String {
    stage.names.set(&[&[ip]]);
    let (_, answer) = stage.connect(&stage.authority()).await;
    assert_eq!(answer.status, 403, "{ip}");
    assert_eq!(answer.problem("type"), "urn:exeat:problem:destination_refused");
    answer.problem("reason")
}

#[tokio::test]
async fn b01_numeric_hosts_are_refused() {
    let stage = Stage::new().await;
    for host in ["2130706433", "0177.1", "0x7f.1", "127.1", "017700000001"] {
        let (_, answer) = stage.connect(&format!("{host}:443")).await;
        assert_eq!((answer.status, answer.problem("reason").as_str()), (400, "host"), "{host}");
        let mut wire = stage.client().await;
        wire.send(&format!("GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n{}\r\n", key_line())).await;
        assert_eq!(wire.answer().await.status, 400, "{host}");
    }
}

#[tokio::test]
async fn b02_b03_a_name_that_leads_inside_is_refused() {
    let stage = Stage::with(Plan { allow: &[], ..Plan::default() }).await;
    for (ip, expected) in [
        ("127.0.0.1", "loopback_address"),
        ("10.0.0.1", "private_address"),
        ("::ffff:127.0.0.1", "embedded_address"),
        ("64:ff9b::7f00:1", "embedded_address"),
        ("2002:7f00:1::", "embedded_address"),
        ("0.0.0.0", "special_address"),
        ("100.64.0.1", "special_address"),
        ("255.255.255.255", "special_address"),
        ("::", "embedded_address"),
    ] {
        assert_eq!(reason(&stage, ip).await, expected, "{ip}");
    }
}

#[tokio::test]
async fn b04_metadata_is_refused_under_any_allowance() {
    let stage = Stage::with(Plan { allow: &["0.0.0.0/0", "::/0"], ..Plan::default() }).await;
    for ip in ["169.254.169.254", "fd00:ec2::254", "168.63.129.16"] {
        assert_eq!(reason(&stage, ip).await, "metadata_address", "{ip}");
    }
    stage.also_govern("metadata", "metadata.google.internal", 443);
    let (_, answer) = stage.connect("metadata.google.internal:443").await;
    assert_eq!(answer.problem("reason"), "metadata_address");
}

#[tokio::test]
async fn b05_a_name_that_moves_after_the_check() {
    let mut stage = Stage::new().await;
    stage.names.set(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let mut wire = stage.tunnel().await;
    wire.send(&(stage.request("GET", "/a") + "\r\n")).await;
    stage.upstream.connection().await.head().await;
    assert_eq!(stage.names.times_asked(), 1, "the address that was checked is the one that was dialled");
}

#[tokio::test]
async fn b07_a_trailing_dot_is_not_another_name() {
    let stage = Stage::new().await;
    let (_, answer) = stage.connect("api.example.test.:443").await;
    assert_eq!((answer.status, answer.problem("reason").as_str()), (400, "host"));
}

#[tokio::test]
async fn b10_an_allowance_is_for_its_own_range() {
    let stage = Stage::with(Plan { allow: &["127.0.0.1/32"], ..Plan::default() }).await;
    assert_eq!(reason(&stage, "127.0.0.2").await, "loopback_address");
    assert_eq!(reason(&stage, "10.0.0.1").await, "private_address");
    stage.names.set(&[&["127.0.0.1", "10.0.0.1"]]);
    let (_, answer) = stage.connect(&stage.authority()).await;
    assert_eq!(answer.status, 403, "a mixed answer is refused as a whole");
}

#[tokio::test]
async fn b11_exeats_own_listener_where_loopback_is_allowed() {
    let stage = Stage::new().await;
    stage.also_govern("self", "self.example.test", stage.proxy.port());
    let (_, answer) = stage.connect(&format!("self.example.test:{}", stage.proxy.port())).await;
    assert_eq!((answer.status, answer.problem("reason").as_str()), (403, "own_address"));
}

#[tokio::test]
async fn a_name_without_an_address_is_refused_and_recorded() {
    let stage = Stage::new().await;
    stage.names.set(&[&[]]);
    let (_, answer) = stage.connect(&stage.authority()).await;
    assert_eq!((answer.status, answer.problem("use").as_str()), (502, "use_recorded"));
    assert_eq!(stage.gate.refused(), [(stage.origin().to_string(), "upstream_unreachable")]);
}
