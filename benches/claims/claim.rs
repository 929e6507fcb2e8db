//! One line per claim, and the few numbers that make one.

use std::time::Duration;

/// What a measurement comes to: nothing, or why it could not be made.
pub(crate) type Found<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The first line of the table.
pub(crate) fn heading() {
    println!("{:<52}  {:>14}  {:>14}  verdict", "claim", "measured", "bound");
}

/// Something small enough.
pub(crate) fn at_most(name: &str, measured: f64, bound: f64, unit: &str) {
    line(name, measured, "≤", bound, unit, measured <= bound);
}

/// Something large enough.
pub(crate) fn at_least(name: &str, measured: f64, bound: f64, unit: &str) {
    line(name, measured, "≥", bound, unit, measured >= bound);
}

/// Something that belongs to a claim without being one.
pub(crate) fn note(name: &str, measured: f64, unit: &str) {
    println!("  {name:<50}  {:>14}", said(measured, unit));
}

/// Why a claim was not measured.
pub(crate) fn skipped(name: &str, why: &str) {
    println!("{name:<52}  not measured: {why}");
}

fn line(name: &str, measured: f64, sign: &str, bound: f64, unit: &str, holds: bool) {
    let verdict = if holds { "ok" } else { "MISSED" };
    println!(
        "{name:<52}  {:>14}  {:>14}  {verdict}",
        said(measured, unit),
        format!("{sign} {}", said(bound, unit))
    );
}

fn said(value: f64, unit: &str) -> String {
    let digits = if value.abs() >= 100.0 { 0 } else { 2 };
    format!("{value:.digits$} {unit}")
}

/// The value that a share (0 to 1) of the others does not exceed.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a list that fits in memory"
    )]
    let index = (values.len().saturating_sub(1) as f64 * share).round() as usize;
    values.get(index).copied().unwrap_or(f64::NAN)
}

/// The middle one.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// How many in a second.
pub(crate) fn rate(count: usize, time: Duration) -> f64 {
    number(count) / time.as_secs_f64()
}

/// A count as a number to divide with.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) const fn number(count: usize) -> f64 {
    count as f64
}

/// Milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
