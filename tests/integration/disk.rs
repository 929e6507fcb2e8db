//! A disk that is really full: a small file system that the broker has to itself.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::faults::verifies;
use crate::house::{House, Upstream, answer, binary};

/// Four megabytes at `at`, seen from one mount namespace only, which lasts as long as its holder.
struct SmallDisk {
    holder: Child,
    at: PathBuf,
}

impl SmallDisk {
    /// With the files of `from` on it.
    fn holding(from: &Path, at: PathBuf) -> Self {
        std::fs::create_dir(&at).unwrap();
        let script = r#"mount -t tmpfs -o size=4m,mode=700 small "$1" && cp -a "$0/." "$1" && echo mounted && exec cat"#;
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .args([from, &at])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "mounted\n", "this needs user namespaces, as the sandbox does");
        Self { holder, at }
    }

    /// `exeat`, where this disk is seen.
    fn exeat(&self) -> Command {
        let mut command = Command::new("nsenter");
        let program = binary();
        command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(["--user", "--mount", "--preserve-credentials", "--target"]);
        command.arg(self.holder.id().to_string()).arg("--").arg(program.get_program());
        command
    }

    fn filler(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.at.strip_prefix("/").unwrap()).join("filler")
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        let full = loop {
            if let Err(error) = file.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
    }

    fn empty(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

#[tokio::test]
async fn i02_h06_with_a_full_disk_no_credential_is_used_and_with_room_all_goes_on() {
    let (mut house, upstream) = (House::start(), Upstream::start().await);
    let agent = house.install(&upstream, "bearer").await;
    let (_, token) = house.token(&agent, "/files/a", json!({"max_uses": 1000})).await;
    house.stop();
    let disk = SmallDisk::holding(&house.data(), house.dir.path().join("small"));
    house.start_again_as(disk.exeat(), &disk.at, Stdio::inherit());
    let http = house.through_proxy(&agent);
    let send = || http.get(upstream.url("/files/a")).bearer_auth(&token).send();
    answer(send().await.unwrap()).await.expect(200);

    disk.fill();
    for _ in 0..3 {
        let refused = send().await.unwrap();
        assert!(refused.headers().contains_key("retry-after"), "{refused:?}");
        let refused = answer(refused).await;
        assert_eq!((refused.status, refused.problem()), (503, "ledger_unavailable"));
    }
    let asked = json!({"identity": "service:new"});
    let refused = house.review(reqwest::Method::POST, "/v1/identities", Some(asked.clone())).await;
    assert_eq!((refused.status, refused.problem()), (503, "ledger_unavailable"));
    assert_eq!(upstream.heads().len(), 1, "no byte reached the upstream");

    disk.empty();
    answer(send().await.unwrap()).await.expect(200);
    house.review(reqwest::Method::POST, "/v1/identities", Some(asked)).await.expect(201);
    assert_eq!(upstream.heads().len(), 2);
    verifies(&house);
}
