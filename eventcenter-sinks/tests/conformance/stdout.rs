//! A reader of standard output, which may be out of order.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use eventcenter_core::Sink;
use eventcenter_core::testing::{Reply, Rig, Shown};
use eventcenter_sinks::stdout::{Format, Stdout, StdoutConfig};

use super::ids;

pub(crate) struct StdoutRig(Out, Format);

#[derive(Clone, Default)]
struct Out(Arc<Mutex<(Vec<u8>, bool)>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out = self.0.lock().unwrap();
        if out.1 { Err(io::ErrorKind::StorageFull.into()) } else { out.0.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl StdoutRig {
    pub(crate) fn new(format: Format) -> Self {
        Self(Out::default(), format)
    }
}

#[async_trait]
impl Rig for StdoutRig {
    async fn sink(&self) -> Arc<dyn Sink> {
        let mut config = StdoutConfig::default();
        config.format = self.1;
        Arc::new(Stdout::to("console", config, false, Box::new(self.0.clone())).unwrap())
    }

    fn can(&self, reply: &Reply) -> bool {
        matches!(reply, Reply::Accept | Reply::Fail)
    }

    fn answer(&self, reply: Reply) {
        self.0.0.lock().unwrap().1 = reply == Reply::Fail;
    }

    fn accepted(&self) -> Vec<String> {
        ids(&self.0.0.lock().unwrap().0)
    }

    fn secret(&self) -> Option<&str> {
        None
    }

    fn shown(&self) -> Option<Shown> {
        let text = String::from_utf8(self.0.0.lock().unwrap().0.clone()).unwrap();
        (self.1 == Format::Text).then_some(Shown { text, active: &[] })
    }
}
