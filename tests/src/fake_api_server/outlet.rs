//! The way out: Events become chunks of a body here, and the faults of a body strike here.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::mpsc;

use super::fault::Fault;
use crate::loopback::Break;

/// Chunks are handed over when they reach this size, or at a flush.
const CHUNK: usize = 64 * 1024;

/// Long enough for what was sent before to leave before the connection is broken.
const BEFORE_BREAK: Duration = Duration::from_millis(20);

/// The body is over, by a fault or because the client left. Nothing more can be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over;

/// How Events are put one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A watch: each Event brings its newline.
    Lines,
    /// A list: commas between the items.
    Items,
}

/// Compression of the body.
enum Coding {
    Identity,
    /// A gzip member for each line: what Kubernetes 1.37 does with watches.
    Each,
    /// One gzip member for all.
    Whole(GzEncoder<Vec<u8>>),
}

pub(crate) struct Outlet {
    to: mpsc::Sender<Result<Bytes, Break>>,
    fault: Option<Fault>,
    framing: Framing,
    coding: Coding,
    events: u64,
    first: bool,
    buffer: Vec<u8>,
}

impl Outlet {
    pub(crate) fn new(
        to: mpsc::Sender<Result<Bytes, Break>>,
        fault: Option<Fault>,
        framing: Framing,
        gzip: bool,
    ) -> Self {
        let coding = match framing {
            _ if !gzip => Coding::Identity,
            Framing::Lines => Coding::Each,
            Framing::Items => Coding::Whole(GzEncoder::new(Vec::new(), Compression::fast())),
        };
        Self { to, fault, framing, coding, events: 0, first: true, buffer: Vec::new() }
    }

    /// Bytes around the Events.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        match &mut self.coding {
            Coding::Identity => self.buffer.extend_from_slice(bytes),
            Coding::Each => {
                let mut member = GzEncoder::new(Vec::new(), Compression::fast());
                member.write_all(bytes).expect("a Vec takes everything");
                self.buffer.extend_from_slice(&member.finish().expect("a Vec takes everything"));
            }
            Coding::Whole(encoder) => {
                encoder.write_all(bytes).expect("a Vec takes everything");
                self.buffer.append(encoder.get_mut());
            }
        }
    }

    /// One Event: a line with its newline, or an item. A fault that is due strikes before it; but
    /// call [`Outlet::settle`] too where no other Event may come for a while.
    pub(crate) async fn event(&mut self, event: &[u8]) -> Result<(), Over> {
        self.strike().await?;
        if let Some(Fault::CutMidLine { after_events }) = self.fault
            && after_events == self.events
        {
            let (half, _) = event.split_at(event.len() / 2);
            self.put(half);
            self.flush().await?;
            tokio::time::sleep(BEFORE_BREAK).await;
            drop(self.to.send(Err(Break::Close)).await);
            return Err(Over);
        }
        self.put(event);
        if matches!(self.fault, Some(Fault::DuplicateDelivery)) {
            self.put(event);
        }
        self.events += 1;
        if self.buffer.len() >= CHUNK {
            self.flush().await?;
        }
        Ok(())
    }

    /// Lets a fault strike that is due by now, and sends what is there.
    pub(crate) async fn settle(&mut self) -> Result<(), Over> {
        self.strike().await?;
        self.flush().await
    }

    /// Sends what is there.
    pub(crate) async fn flush(&mut self) -> Result<(), Over> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.buffer));
        let Some(Fault::SlowBytes { per_chunk, pause }) = self.fault else {
            return self.to.send(Ok(chunk)).await.map_err(|_| Over);
        };
        for piece in chunk.chunks(per_chunk.max(1)) {
            self.to.send(Ok(chunk.slice_ref(piece))).await.map_err(|_| Over)?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// Ends the body properly.
    pub(crate) async fn finish(mut self) -> Result<(), Over> {
        if let Coding::Whole(encoder) = std::mem::replace(&mut self.coding, Coding::Identity) {
            let tail = encoder.finish().expect("a Vec takes everything");
            self.buffer.extend_from_slice(&tail);
        }
        self.flush().await
    }

    fn put(&mut self, event: &[u8]) {
        if self.framing == Framing::Items && !std::mem::take(&mut self.first) {
            self.raw(b",");
        }
        self.raw(event);
    }

    async fn strike(&mut self) -> Result<(), Over> {
        match &self.fault {
            Some(Fault::HalfOpen { after_events }) if *after_events == self.events => {
                self.flush().await?;
                std::future::pending().await
            }
            Some(Fault::GarbageLine { after_events, bytes }) if *after_events == self.events => {
                let mut garbage = bytes.clone();
                if self.framing == Framing::Lines {
                    garbage.push(b'\n');
                }
                self.fault = None;
                self.put(&garbage);
                Ok(())
            }
            Some(fault) => match fault.last_line() {
                Some((after, line)) if after == self.events => {
                    self.raw(&line);
                    self.flush().await?;
                    Err(Over)
                }
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }
}
