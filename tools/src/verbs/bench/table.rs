//! The table: medians, the least, and what they are of glibc's.

use super::Row;
use super::measure::{CPU, MEMORY, Run};
use crate::allocators::LIBC;
use std::fmt::Write;

/// The table as text.
pub fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max("allocator".len());
    let mut text = format!(
        "{:width$}  {:>9} {:>9} {:>7} {:>7}  {:>9} {:>7}  {:>9} {:>7}  {:>9}  {:>4}\n",
        "allocator", "CPU s", "least", "ratio", "spread", "wall s", "ratio", "peak MiB", "ratio", "faults", "runs"
    );
    let base = rows.iter().find(|row| row.name == LIBC);
    for row in rows.iter().filter(|row| !row.runs.is_empty()) {
        let ratio = |of: fn(&Run) -> f64| row.ratio(base, of).map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
        let middle = |of: fn(&Run) -> f64| row.middle_and_least(of).map_or(0.0, |(middle, _)| middle);
        let least = row.middle_and_least(CPU).map_or(0.0, |(_, least)| least);
        let most = row.runs.iter().map(CPU).fold(0.0, f64::max);
        let spread = if least > 0.0 { format!("{:.1}%", (most / least - 1.0) * 100.0) } else { "-".to_owned() };
        // Writing to a string never fails.
        let _ = writeln!(
            text,
            "{:width$}  {:9.3} {least:9.3} {:>7} {spread:>7}  {:9.3} {:>7}  {:9.1} {:>7}  {:9.0}  {:4}",
            row.name,
            middle(CPU),
            ratio(CPU),
            middle(|run| run.wall),
            ratio(|run| run.wall),
            middle(MEMORY),
            ratio(MEMORY),
            middle(|run| run.faults),
            row.runs.len(),
        );
    }
    for row in rows {
        row.failures.iter().for_each(|why| _ = writeln!(text, "{}: does not count: {why}", row.name));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::chart;
    use super::*;

    fn row(name: &str, cpus: &[f64], failures: &[&str]) -> Row {
        let runs = cpus.iter().map(|&cpu| Run { cpu, wall: 2.0 * cpu, peak_kib: 2048.0, faults: 7.0 }).collect();
        Row { name: name.to_owned(), path: None, runs, failures: failures.iter().map(|&why| why.to_owned()).collect() }
    }

    #[test]
    fn medians_and_ratios() {
        let rows = [
            row(LIBC, &[2.0, 1.0, 4.0], &[]),
            row("metes", &[1.0, 2.0], &["ended by signal 6"]),
            row("none", &[], &["x"]),
        ];
        assert_eq!(rows[0].middle_and_least(CPU), Some((2.0, 1.0)));
        assert_eq!(rows[1].middle_and_least(CPU), Some((1.5, 1.0)));
        assert_eq!(rows[1].ratio(Some(&rows[0]), CPU), Some(0.75));
        assert_eq!((rows[2].ratio(Some(&rows[0]), CPU), rows[0].ratio(None, CPU)), (None, None));
        let text = table(&rows);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[1].starts_with("glibc          2.000     1.000   1.000  300.0%"), "{text}");
        assert!(lines[2].contains(" 0.750 ") && lines[3] == "metes: does not count: ended by signal 6", "{text}");
    }

    #[test]
    fn a_chart_has_a_bar_for_each_row_and_its_text_is_safe() {
        let rows = [row(LIBC, &[2.0], &[]), row("a<b>&\"c", &[1.0], &[]), row("none", &[], &["x"])];
        let svg = chart::chart("prog <in> & out", &rows);
        assert_eq!(svg.matches("<rect class=\"b0\"").count(), 4, "{svg}");
        assert!(svg.contains("a&lt;b&gt;&amp;&quot;c") && svg.contains("prog &lt;in&gt; &amp; out"), "{svg}");
        assert!(
            svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains("prefers-color-scheme: dark"),
            "{svg}"
        );
        assert!(svg.contains("2.000 s") && svg.contains("2.0 MiB"), "{svg}");
    }
}
