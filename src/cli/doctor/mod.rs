//! `exeat doctor`: looks, changes nothing, and says what to do.

mod files;
mod machine;
mod service;
mod walls;

use clap::Args;
use serde::Serialize;

use super::failure::{Exit, Failure};
use super::output::{Output, Page};
use super::settings::{AgentSide, DataDir, ReviewSide};
use crate::domain::upstream::Origin;

/// Look for what is wrong or weak here, and say what to do about it.
///
/// Exit code 1 when something is wrong; what is only weak is a warning.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  exeat doctor --data-dir data
  EXEAT_REVIEW_KEY=… exeat doctor --data-dir data --json")]
pub(crate) struct Doctor {
    #[command(flatten)]
    dir: DataDir,
    #[command(flatten)]
    agent: AgentSide,
    #[command(flatten)]
    review: ReviewSide,
    /// The proxy listener.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7333", help_heading = "Connection")]
    proxy_url: Origin,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// It works, and could be safer.
    Weak,
    /// It is wrong.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    check: &'static str,
    state: State,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), remedy: None }
    }

    fn weak(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: State::Weak, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn wrong(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, state: State::Wrong, found: found.into(), remedy: Some(remedy.into()) }
    }
}

#[derive(Serialize)]
struct Findings {
    healthy: bool,
    findings: Vec<Finding>,
}

impl Doctor {
    pub(super) async fn run(self, output: Output) -> Result<Exit, Failure> {
        let mut findings = files::look(&self.dir.data_dir);
        findings.extend(machine::look());
        findings.extend(walls::look());
        let listeners = [
            ("agent listener", &self.agent.url),
            ("review listener", &self.review.review_url),
            ("proxy listener", &self.proxy_url),
        ];
        for (check, origin) in listeners {
            findings.push(service::reachable(check, origin).await);
        }
        findings.push(service::ready(&self.review.review_url).await);
        findings.extend(service::installed(&self.review).await);
        let healthy = findings.iter().all(|finding| finding.state != State::Wrong);
        let findings = Findings { healthy, findings };
        output.answer(&findings, |page| told(page, &findings))?;
        Ok(if healthy { Exit::Done } else { Exit::Failed })
    }
}

fn told(page: &mut Page, findings: &Findings) {
    for finding in &findings.findings {
        let mark = match finding.state {
            State::Ok => "ok   ",
            State::Weak => "weak ",
            State::Wrong => "WRONG",
        };
        page.line(format!("{mark}  {:<18} {}", finding.check, finding.found));
        if let Some(remedy) = &finding.remedy {
            page.line(format!("       {:<18} try: {remedy}", ""));
        }
    }
    page.gap();
    let count = |state| findings.findings.iter().filter(|finding| finding.state == state).count();
    page.line(format!("{} wrong, {} weak", count(State::Wrong), count(State::Weak)));
}

#[cfg(test)]
mod tests;
