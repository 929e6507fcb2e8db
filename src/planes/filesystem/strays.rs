//! Programs that heed no proxy: what they send goes nowhere, because the run has no network but loopback. The kernel counts it, and
//! the count is told: such a program would otherwise only seem to be broken (I06).

use std::fs;

/// How often something inside had no route, or asked a name server that is not there, since this network namespace was made.
#[must_use]
pub fn count() -> u64 {
    let (v4, v6) = (read("/proc/net/snmp"), read("/proc/net/snmp6"));
    let routes = column(&v4, "Ip:", "OutNoRoutes").saturating_add(row(&v6, "Ip6OutNoRoutes"));
    // Without a resolver of its own, a program asks 127.0.0.1, where nobody answers.
    let names = column(&v4, "Udp:", "NoPorts").saturating_add(row(&v6, "Udp6NoPorts"));
    routes.saturating_add(names)
}

fn read(table: &str) -> String {
    fs::read_to_string(table).unwrap_or_default()
}

/// The tables of proc_pid_net(5) have a line of names and one of values for each protocol.
fn column(table: &str, protocol: &str, name: &str) -> u64 {
    let mut lines = table.lines().filter(|line| line.starts_with(protocol)).map(str::split_ascii_whitespace);
    let (Some(mut names), Some(mut values)) = (lines.next(), lines.next()) else { return 0 };
    let value = names.position(|found| found == name).and_then(|at| values.nth(at));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

fn row(table: &str, name: &str) -> u64 {
    let mut rows = table.lines().map(str::split_ascii_whitespace);
    let found = rows.find_map(|mut row| (row.next() == Some(name)).then(|| row.next()).flatten());
    found.and_then(|value| value.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{column, row};

    #[test]
    fn the_kernels_tables_are_read_by_name() {
        let table = "Ip: Forwarding OutNoRoutes ReasmOKs\nIp: 2 5 0\nUdp: InDatagrams NoPorts\nUdp: 7 3\n";
        assert_eq!((column(table, "Ip:", "OutNoRoutes"), column(table, "Udp:", "NoPorts")), (5, 3));
        assert_eq!((column(table, "Tcp:", "NoPorts"), column(table, "Ip:", "Nothing")), (0, 0));
        assert_eq!(row("Ip6InNoRoutes \t1\nIp6OutNoRoutes  \t4\n", "Ip6OutNoRoutes"), 4);
    }
}
