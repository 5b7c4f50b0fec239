//! The text of an event: its words for searches, and what tells whether it has changed.

use eventcenter_core::Event;
use eventcenter_core::query::{fold, tokens};
use rusqlite::{Connection, params};

/// Puts the words of an event into the index.
pub(super) fn index(connection: &Connection, id: i64, event: &Event) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO found (rowid, message, reason, name) VALUES (?1, ?2, ?3, ?4)",
    )?;
    insert.execute(params![
        id,
        words(event.message()),
        words(event.reason()),
        words(event.object().name)
    ])?;
    Ok(())
}

/// Folded words with spaces between: what SQLite's tokenizer `ascii` cuts up again just so.
fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len() + 8);
    for token in tokens(text) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&fold(token));
    }
    words
}

/// Of all that is indexed: an Event with the same says the same.
pub(crate) fn checksum(event: &Event) -> u32 {
    let mut sum = crc32c::crc32c(event.message().as_bytes());
    for text in [event.reason(), event.object().name] {
        sum = crc32c::crc32c_append(crc32c::crc32c_append(sum, &[0]), text.as_bytes());
    }
    sum
}
