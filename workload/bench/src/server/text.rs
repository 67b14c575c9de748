//! Figures as lines of text, one server each.

use super::report::{Measured, Row};

/// The servers of one case.
pub fn lines(measured: &[Measured]) -> String {
    let head = format!(
        "  {:<12} {:>8} {:>6} {:>7} {:>7} {:>8} {:>8} {:>9} {:>8} {:>9} {:>7} {:>5}\n",
        "server",
        "cpu us",
        "+- %",
        "user",
        "system",
        "x nginx",
        "x floor",
        "req/s",
        "p50 us",
        "p99 us",
        "client",
        "busy"
    );
    let each = measured.iter().map(|of| match of.row(measured) {
        Some(row) => line(&row),
        None => format!("  {:<12} skipped: {}\n", of.server, of.skipped.as_deref().unwrap_or("no turn")),
    });
    std::iter::once(head).chain(each).collect()
}

fn line(row: &Row) -> String {
    format!(
        "  {:<12} {:>8.2} {:>6.1} {:>7.2} {:>7.2} {:>8} {:>8} {:>9.0} {:>8.0} {:>9.0} {:>7} {:>4.0}%\n",
        row.server,
        row.cpu_micros_per_request,
        row.spread_percent,
        row.user_micros_per_request,
        row.system_micros_per_request,
        ratio(row.ratio_to_nginx),
        ratio(row.ratio_to_floor),
        row.requests_per_second,
        row.p50_micros,
        row.p99_micros,
        row.client_micros_per_request.map_or_else(|| "-".to_owned(), |micros| format!("{micros:.2}")),
        row.utilisation_percent,
    )
}

/// A ratio, if there is one.
pub fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"))
}
