//! Answers on a terminal, or as lines for other programs. Text of events is [`plain`] in what is for people.

use std::io::{self, IsTerminal, Write};

use eventcenter_core::{Level, plain, plain_csv, plain_json};
use eventcenter_store::Answer;
use eventcenter_store::ask::{ClusterState, Page, Row, Table};
use eventcenter_store::lifecycle::{Life, Lifecycle};
use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Format;

/// Columns that a cell has at most, but for the last of a row: what is longer ends in `…`.
const WIDEST: usize = 48;

/// Prints a table.
pub(super) fn table(mut out: impl Write, answer: &Answer<Table>, format: Format) -> io::Result<()> {
    let Table { columns, rows, truncated } = &answer.value;
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match format {
        Format::Ndjson => {
            for row in rows {
                let object: serde_json::Map<_, _> =
                    columns.iter().cloned().zip(row.iter().cloned()).collect();
                json_line(&mut out, &serde_json::Value::Object(object).to_string())?;
            }
        }
        Format::Csv => {
            csv(&mut out, columns.iter().map(String::as_str))?;
            for row in rows {
                let cells: Vec<String> = row.iter().map(text).collect();
                csv(&mut out, cells.iter().map(String::as_str))?;
            }
        }
        Format::Table => {
            let mut lines = vec![columns.clone()];
            lines.extend(rows.iter().map(|row| row.iter().map(text).collect()));
            aligned(&mut out, &lines)?;
        }
    }
    if *truncated {
        tell(&[format!("there are more rows than {}", rows.len())])?;
    }
    lacking(answer)
}

/// Prints events, page after page.
pub(super) struct Events<W> {
    out: W,
    format: Format,
    begun: bool,
}

const HEAD: [&str; 6] = ["TIME (UTC)", "LEVEL", "OBJECT", "REASON", "TIMES", "MESSAGE"];

impl<W: Write> Events<W> {
    pub(super) fn new(out: W, format: Format) -> Self {
        Self { out, format, begun: false }
    }

    pub(super) fn page(&mut self, answer: &Answer<Page>, most: usize) -> io::Result<()> {
        let rows = answer.value.rows.iter().take(most);
        let first = !std::mem::replace(&mut self.begun, true);
        match self.format {
            Format::Ndjson => {
                for row in rows {
                    let mut line = Vec::new();
                    row.event.write_json(&mut line);
                    json_line(&mut self.out, &String::from_utf8_lossy(&line))?;
                }
            }
            Format::Csv => {
                if first {
                    csv(&mut self.out, HEAD.map(|name| name).into_iter())?;
                }
                for row in rows {
                    let cells = cells(row);
                    csv(&mut self.out, cells.iter().map(String::as_str))?;
                }
            }
            Format::Table => {
                let mut lines = Vec::new();
                if first {
                    lines.push(HEAD.map(str::to_owned).to_vec());
                }
                lines.extend(rows.map(|row| cells(row).to_vec()));
                aligned(&mut self.out, &lines)?;
            }
        }
        if first { lacking(answer) } else { Ok(()) }
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn cells(row: &Row) -> [String; 6] {
    let (event, object) = (&row.event, row.event.object());
    let level = event.level().as_str();
    let namespace =
        if object.namespace.is_empty() { String::new() } else { format!("{}/", object.namespace) };
    [
        stamp(event.time()),
        event.class().map_or(level, |class| class.name).to_owned(),
        format!("{} {namespace}{}", object.kind, object.name),
        event.reason().to_owned(),
        format!("{}{}", if row.estimated { "≥" } else { "" }, row.occurrences),
        event.message().to_owned(),
    ]
}

pub(crate) fn stamp(at: Timestamp) -> String {
    at.strftime("%F %T").to_string()
}

/// Columns below each other; the last is as long as it is.
pub(crate) fn aligned(out: &mut impl Write, lines: &[Vec<String>]) -> io::Result<()> {
    let shown = |line: &Vec<String>| -> Vec<String> {
        let last = line.len().saturating_sub(1);
        let cells = line.iter().enumerate();
        cells
            .map(|(place, cell)| match plain(cell) {
                cell if place == last => cell.into_owned(),
                cell => cut(&cell, WIDEST),
            })
            .collect()
    };
    let lines: Vec<Vec<String>> = lines.iter().map(shown).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter(|line| column + 1 < line.len());
        cells.filter_map(|line| line.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for line in &lines {
        let mut printed = String::new();
        for (column, cell) in line.iter().enumerate() {
            printed.push_str(cell);
            if column + 1 < line.len() {
                let pad = widths.get(column).copied().unwrap_or(0).saturating_sub(cell.width());
                printed.push_str(&" ".repeat(pad + 2));
            }
        }
        writeln!(out, "{}", printed.trim_end())?;
    }
    Ok(())
}

/// The beginning of a text, so that it takes no more than so many columns.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let (mut kept, mut left) = (String::new(), columns.saturating_sub(1));
    for c in text.chars() {
        // A mark that has no width of its own stays with its letter.
        let Some(rest) = left.checked_sub(c.width().unwrap_or(0)) else { break };
        left = rest;
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// A line of JSON, for other programs and for terminals.
pub(crate) fn json_line(out: &mut impl Write, line: &str) -> io::Result<()> {
    writeln!(out, "{}", plain_json(line))
}

/// A line of CSV.
pub(crate) fn csv<'a>(
    out: &mut impl Write,
    cells: impl Iterator<Item = &'a str>,
) -> io::Result<()> {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        out.write_all(plain_csv(cell).as_bytes())?;
    }
    out.write_all(b"\r\n")
}

/// What the answer lacks, on standard error.
/// Says which clusters are no live watch.
pub(super) fn recorded(clusters: &[ClusterState]) -> io::Result<()> {
    let recorded = clusters.iter().filter(|cluster| cluster.recorded);
    let names: Vec<&str> = recorded.map(|known| known.cluster.name.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    tell(&[format!("recorded, not watched: {}", names.join(", "))])
}

fn lacking<T>(answer: &Answer<T>) -> io::Result<()> {
    let gaps = answer.gaps.iter().map(|gap| {
        let since = gap.since.map(|since| format!("{} to ", stamp(since))).unwrap_or_default();
        format!("history may be missing, {since}{}: {}", stamp(gap.until), gap.reason)
    });
    tell(&gaps.chain(answer.unread.iter().cloned()).collect::<Vec<_>>())
}

fn tell(lines: &[String]) -> io::Result<()> {
    let mut err = io::stderr().lock();
    lines.iter().try_for_each(|line| writeln!(err, "{}", plain(line)))
}

/// Prints a Pod's life: each of its lives, lane by lane.
pub(super) fn life(mut out: impl Write, answer: &Answer<Lifecycle>) -> io::Result<()> {
    let told = &answer.value;
    let is_colour =
        io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    writeln!(out, "{}/{}", plain(&told.namespace), plain(&told.name))?;
    for life in &told.lives {
        writeln!(out)?;
        one_life(&mut out, life, is_colour)?;
    }
    if told.truncated {
        tell(&["there are more events than were told".to_owned()])?;
    }
    lacking(answer)
}

fn one_life(out: &mut impl Write, life: &Life, is_colour: bool) -> io::Result<()> {
    write!(out, "{}  {} – {}", plain(&life.uid), stamp(life.from), stamp(life.until))?;
    if !life.node.is_empty() {
        write!(out, "  on {}", plain(&life.node))?;
    }
    writeln!(out)?;
    let d = &life.durations;
    let durations = [
        ("scheduled after", d.created_to_scheduled),
        ("started after", d.scheduled_to_started),
        ("pulling took", d.pulling),
        ("alive for", d.alive),
    ];
    let durations: Vec<String> = durations
        .iter()
        .filter_map(|(what, took)| Some(format!("{what} {:.1?}", (*took)?)))
        .collect();
    if !durations.is_empty() {
        writeln!(out, "  {}", durations.join(", "))?;
    }
    for container in life.containers.iter().filter(|container| container.restarts > 0) {
        let least = if container.restarts_estimated { "at least " } else { "" };
        writeln!(
            out,
            "  {} restarted {least}{} times",
            plain(&container.name),
            container.restarts
        )?;
    }
    for lane in &life.lanes {
        let kind = format!("{:?}", lane.kind).to_lowercase();
        let container = if lane.container.is_empty() {
            String::new()
        } else {
            format!(" {}", plain(&lane.container))
        };
        writeln!(out, "  {kind}{container}")?;
        for point in &lane.points {
            let (on, off) = match point.level {
                _ if !is_colour => ("", ""),
                Level::Error => ("\u{1b}[31m", "\u{1b}[0m"),
                Level::Warning => ("\u{1b}[33m", "\u{1b}[0m"),
                Level::Normal => ("", ""),
            };
            let times = if point.count > 1 { format!(" ×{}", point.count) } else { String::new() };
            let (reason, message) = (plain(&point.reason), plain(&point.message));
            writeln!(out, "    {}  {on}{reason}{times}{off}  {message}", stamp(point.from))?;
        }
    }
    if let Some(end) = &life.end {
        writeln!(out, "  ended {}  {}", stamp(end.at), plain(&end.reason))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_stand_below_each_other_whatever_is_in_them() {
        let line = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let mut out = Vec::new();
        aligned(&mut out, &[line(["A", "B", "C"]), line(["镜像", "x\u{1b}[2J", "last"])]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "A     B      C\n镜像  x␛[2J  last\n");
    }

    proptest! {
        /// Three columns, the first two of anything, the last a bar that must stand below the others.
        #[test]
        fn no_text_moves_a_column_or_orders_a_terminal(
            cells in vec((HOSTILE, HOSTILE), 1..8),
        ) {
            let line = |(one, two): &(String, String)| vec![one.clone(), two.clone(), "|".to_owned()];
            let lines: Vec<_> = cells.iter().map(line).collect();
            let mut out = Vec::new();
            aligned(&mut out, &lines).unwrap();
            let out = String::from_utf8(out).unwrap();
            prop_assert_eq!(out.lines().count(), lines.len(), "a line is a line");
            prop_assert!(out.lines().all(|line| plain(line) == line), "{:?}", out);
            let bars: BTreeSet<_> = out
                .lines()
                .map(|line| line.strip_suffix('|').map(UnicodeWidthStr::width))
                .collect();
            prop_assert!(bars.len() == 1 && !bars.contains(&None), "{:?}", out);
            prop_assert!(bars.iter().flatten().all(|width| *width <= 2 * (WIDEST + 2)), "{:?}", out);
        }
    }

    /// Controls, what turns the direction of writing, wide letters, marks without width, and a bar.
    const HOSTILE: &str =
        "[\\x00-\\x9f\u{200b}-\u{206f}\u{feff}\u{e0001}\u{301}\u{5d0}中文…☃|a-z ]{0,70}";
}
