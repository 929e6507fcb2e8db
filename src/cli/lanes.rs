//! The lanes of a report for people: runs with their files, hosts, and where claim and observation disagree.

use std::collections::BTreeMap;

use serde_json::Value;

use super::output::Page;
use crate::domain::report::Lanes;
use crate::domain::run::ClimbCause;
use crate::domain::scope::ScopeItem;
use crate::edges::wire::Report;

/// The lanes of a report; one without runs has none.
pub(super) fn of(report: &Report) -> Option<Lanes> {
    serde_json::from_value(report.more.get("lanes")?.clone()).ok()
}

/// Tells what there is of them.
pub(super) fn told(page: &mut Page, report: &Report) {
    let Some(lanes) = of(report) else { return };
    for run in &lanes.runs {
        let walls = if run.walled { "" } else { ", WITHOUT WALLS" };
        let end = run.end.map_or_else(|| "under way".to_owned(), |end| word(&end.cause));
        page.line(format!("   run {}: profile {}{walls}, {end}", run.id, run.profile));
        if let Some(count) = run.end.and_then(|end| end.strays) {
            page.line(format!("     something tried to get out past the proxy {count}×, and got nowhere"));
        }
        for climb in &run.climbs {
            let why = match &climb.cause {
                ClimbCause::Refusal(id) => format!("after {id} was refused"),
                ClimbCause::Approval(id) => format!("when {id} was approved"),
                ClimbCause::RefusedWrite(path) => format!("after writing {path} was refused"),
            };
            page.line(format!("     climbed from {} to {}, {why}", climb.from.as_str(), climb.to.as_str()));
        }
        for one in &run.widenings {
            let came_of = super::wait::came_of(Some(&one.widened));
            page.line(format!("     {} by {}: {came_of}", one.item, one.approval));
        }
        super::files::told(page, run);
    }
    let network = &lanes.network;
    if !network.granted.is_empty() || !network.refused.is_empty() {
        page.line("   network");
        let row = |used: &crate::domain::report::HostUsed| {
            vec![
                used.host.clone(),
                used.connections.to_string(),
                used.bytes_up.to_string(),
                used.bytes_down.to_string(),
            ]
        };
        let rows = network.used.iter().map(row).collect();
        page.table_under(
            "     ",
            &["host", "connections", "bytes up", "bytes down"],
            rows,
            "no host was reached",
        );
        for refused in &network.refused {
            page.line(format!("     refused {}×: {} ({})", refused.count, refused.target, refused.reason));
        }
        for host in &network.never_used {
            page.line(format!("     open and never reached: {host}"));
        }
    }
    secrets(page, report, &lanes);
    for row in &lanes.reported {
        let how = row.how.as_ref().map(|how| format!(" ({how})")).unwrap_or_default();
        let (who, kind, what) = (&row.layer_name, &row.kind, &row.what);
        page.line(format!("   reported by {who} ({}): {kind} {}×: {what}{how}", row.layer, row.count));
    }
    for one in &lanes.disagreements {
        let claimed = &one.claimed.step.tool;
        let observed = &one.observed.executable;
        page.line(format!(
            "   {}: {observed} was seen at work after the harness said that {claimed} was over",
            one.what
        ));
    }
}

/// Which credentials the runs used, and how often.
fn secrets(page: &mut Page, report: &Report, lanes: &Lanes) {
    if lanes.runs.is_empty() {
        return;
    }
    page.line("   secrets");
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for used in &report.used {
        let Ok(item) = ScopeItem::parse(&used.item) else { continue };
        if let (Some(upstream), Some(identity)) = (item.upstream(), item.identity()) {
            *counts.entry(format!("{upstream} as {identity}")).or_default() += used.count;
        }
    }
    for (whose, count) in &counts {
        page.line(format!("     used {count}×: the credential of {whose}"));
    }
    if counts.is_empty() {
        page.line("     no credential was used");
    }
}

fn word(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_value(value).unwrap_or_default();
    text.as_str().map_or_else(|| Value::to_string(&text), |text| text.replace('_', " "))
}
